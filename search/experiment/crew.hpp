// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "framework/comm/channel.hpp"
#include "framework/comm/process_group.hpp"
#include "search/coordination/worker.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {

/// How this process spends its cores: `workers` threads that evaluate, each with `threads` kernel threads.
struct CoreShare {
  int workers = 1;
  int threads = 1;
};

/// Under a launcher one worker a rank with its share of the host's cores. Alone, a small model gets a worker a core
/// (no barriers between threads), a large one a single worker with all cores (one set of work buffers). Throws InputError
/// where the ranks do not make whole workers (cluster.ranks_per_worker).
CoreShare share_cores(const Experiment& experiment, const framework::ProcessGroup& group, const Plan& plan);

/// What main gives to the ProcessGroup: a child process that evaluates for its rank (cluster.isolation: process), until
/// it is told to stop. Returns the exit code.
int serve_in_child(framework::Channel& parent);

WorkerSetup make_worker_setup(const Experiment& experiment, const Plan& plan, int threads);

/// The workers that are threads, or child processes, of this process, or the worker of which this is the first rank.
/// Threads stop when the other ends of their channels say so; the
/// destructor waits for them.
class LocalCrew {
 public:
  LocalCrew(const Experiment& experiment, const Plan& plan, const CoreShare& share, framework::ProcessGroup& group);
  ~LocalCrew();
  LocalCrew(const LocalCrew&) = delete;
  LocalCrew& operator=(const LocalCrew&) = delete;

  std::size_t size() const { return size_; }
  std::vector<std::unique_ptr<framework::Channel>> take_channels() { return std::move(channels_); }

 private:
  std::size_t size_;
  std::vector<std::unique_ptr<framework::Channel>> channels_;
  std::vector<std::thread> threads_;
};

/// Ranks other than 0: waits for rank 0's word, then works until told to stop. Returns the exit code.
int serve_as_remote_worker(framework::ProcessGroup& group);

/// Rank 0: the word the other ranks wait for. `model`: where they find the checkpoint.
void start_remote_workers(framework::ProcessGroup& group, const Experiment& experiment, const Plan& plan,
                          const std::filesystem::path& model);
/// Rank 0: there is nothing to do; the other ranks exit at once, quietly.
void dismiss_remote_workers(framework::ProcessGroup& group);

}  // namespace pare::search
