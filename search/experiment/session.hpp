// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "framework/data/token_windows.hpp"
#include "search/coordination/lease_pool.hpp"
#include "search/coordination/progress.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/experiment/crew.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/node_files.hpp"
#include "search/experiment/plan.hpp"
#include "search/experiment/prepare.hpp"

namespace pare::search {

/// How far a session is prepared; each includes those before it.
enum class Prepared {
  bank,     ///< text, statistics of calibration, compressed layers
  teacher,  ///< the full model's answers
  workers   ///< all workers evaluate, and give the same losses for one recipe
};

/// A model with all its workers, ready to evaluate recipes: rank 0's end of a run. The constructor starts the workers
/// of all ranks and prepares text, bank and teacher; the destructor stops the workers. `plan` has been made from
/// `experiment`; both must outlive the session.
class Session {
 public:
  /// `on_round` is called while workers are waited for, as Scheduler::set_on_round says. What lies in the cache is not
  /// computed again.
  Session(const Experiment& experiment, Plan& plan, framework::ProcessGroup& group, Progress& progress,
          Scheduler::OnRound on_round, Prepared wanted = Prepared::workers);

  Scheduler& scheduler() { return scheduler_; }
  const framework::WindowSets& text() const { return text_; }
  /// What rank 0 evaluates on, and all others on one like it.
  const framework::ComputeDevice& device() const { return experiment_.computes_on; }
  /// Key of the statistics that calibrated options stand on; empty: there are none.
  const std::string& calibration_key() const { return calibration_key_; }
  const std::filesystem::path& bank_file() const { return bank_file_; }
  /// Of the full model on each held-out window, nats a token. Empty where no teacher was wanted.
  const std::vector<double>& reference_nll() const { return reference_nll_; }
  /// Likewise, where windows are items: 1 for a wrong answer. Empty for text.
  const std::vector<double>& reference_wrong() const { return reference_wrong_; }
  LeaseSettings lease_settings() const;

 private:
  const Experiment& experiment_;
  const Plan& plan_;
  bool has_workers_ = false;     ///< the scheduler is made
  NodeFiles files_;              ///< before the crew: copies outlive the workers that map them
  std::filesystem::path model_;  ///< where the ranks find the checkpoint
  LocalCrew crew_;
  Scheduler scheduler_;  ///< after the crew: it tells the crew to stop before the crew is waited for
  framework::WindowSets text_;
  std::string calibration_key_;
  std::filesystem::path bank_file_;
  std::vector<double> reference_nll_, reference_wrong_;
};

}  // namespace pare::search
