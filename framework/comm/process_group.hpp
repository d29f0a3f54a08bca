// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/comm/channel.hpp"
#include "framework/comm/spawner.hpp"
#include "framework/comm/watchdog.hpp"

namespace pare::framework {

/// What goes over a line between two ranks. What is sent as one kind never appears among, nor delays, the others.
enum class Traffic { tasks, files, states };

/// The ranks this program was started with: RAII around MPI_Init_thread (FUNNELED) and MPI_Finalize. Without
/// a launcher (no mpirun, srun) or in a build without MPI it is one rank and MPI is never touched. One per
/// process, in main.
///
/// All MPI calls are made by the thread that constructed it, through the channels it hands out. During stack
/// unwinding MPI_Finalize is skipped: it would wait for ranks that may be gone. Otherwise the destructor
/// first waits until every message sent has left. The constructor throws InputError when srun or mpirun
/// started several tasks that cannot form one group.
///
/// Nothing here waits for ever: a process that does not get through MPI_Init in 120 s (PARE_INIT_SECONDS), or through
/// MPI_Finalize in 10 s, ends; so does one whose launcher is gone.
class ProcessGroup {
 public:
  /// `child_main`: what child processes do that this rank starts (spawner.hpp).
  ProcessGroup(int& argc, char**& argv, const Spawner::ChildMain& child_main);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  /// This build can form groups of several ranks.
  static bool has_mpi();

  int rank() const;
  int size() const;
  /// How many ranks of this group run on this host, and which of them this is.
  int local_size() const;
  int local_rank() const;

  /// The node of each rank, in order of ranks: equal names share memory and local disks. SLURM's name of the node where
  /// there is one (SLURMD_NODENAME), else the host's.
  const std::vector<std::string>& nodes() const;

  /// The line to another rank, at most one at a time for each and each kind of traffic; EXPECTs peer != rank(). The group
  /// must outlive it.
  std::unique_ptr<Channel> channel(int peer, Traffic traffic = Traffic::tasks);

  Spawner& spawner() { return spawner_; }
  Watchdog& watchdog() { return watchdog_; }

  /// A rank is gone, and nobody is to wait for it at the end.
  void note_lost_rank() { ranks_lost_ = true; }

  /// The last call of a program: lets all messages leave, and takes leave of the other ranks; returns `exit_code`. With a
  /// lost rank MPI_Finalize would wait for the dead, so the process just ends.
  int finish(int exit_code);

  /// Ends every rank at once with this exit code (MPI_Abort); without MPI it exits. For faults that ranks
  /// cannot agree on.
  [[noreturn]] void abort(int exit_code);

 private:
  struct Implementation;

  bool ranks_lost_ = false;
  Spawner spawner_;  ///< first: it forks before there are threads
  Watchdog watchdog_;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace pare::framework
