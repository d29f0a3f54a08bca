// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pare::search {

/// How long the coordinator waits for whom, in seconds of a monotonic clock. None of these times changes a result.
struct ClusterSettings {
  double suspect_seconds = 15;            ///< of silence of a worker that sends heartbeats: no new tasks
  double dead_seconds = 60;               ///< of silence of such a worker: it is lost
  double lease_seconds = 3600;            ///< longest time that any task may take
  double shortest_deadline_seconds = 60;  ///< an evaluation is never late before
  double golden_seconds = 600;            ///< between two golden checks of a worker
  double hello_seconds = 600;             ///< until a worker must have said who it is
  double coordinator_seconds = 60;        ///< the coordinator may be at one turn of its loop, before it ends itself
};

}  // namespace pare::search
