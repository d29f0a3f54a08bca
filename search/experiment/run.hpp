// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/comm/process_group.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/experiment.hpp"
#include "search/store/run_file.hpp"

namespace pare::search {

/// The whole of a search, on rank 0 (other ranks call serve_as_remote_worker): text, bank, teacher, search,
/// confirmation, verdict. Starts OUTPUT/journal or continues it; OUTPUT/run.h5 is rebuilt every minute and at the
/// end. A finished run is returned as it is. OUTPUT/status.json says where it stands, and how it ended.
RunRecord run_search(const Experiment& experiment, framework::ProcessGroup& group, Verbosity verbosity);

}  // namespace pare::search
