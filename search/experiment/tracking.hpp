// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "search/algorithm/best_so_far.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/tracking_sink.hpp"
#include "search/objective/trial.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// Where a search tells tools for curves what it does: a JSON object a line and an event for every committed trial, in
/// TrackingSettings' files. configs/README.md lists the fields. Rank 0 alone; nothing is decided by it, and a file that takes
/// no more is left alone with one warning.
class Tracking {
 public:
  using Say = std::function<void(const std::string&)>;

  /// `run`: names the run through all of its starts. `record`: what it says before there is a verdict; must outlive it.
  Tracking(const Experiment& experiment, const std::string& run, const RunRecord& record, Say say);

  /// Another stage of the search, and the budget it is for.
  void stage(const std::string& name, std::int64_t budget_bytes);

  /// Trials that were just committed. `search_tokens`: of the whole search so far.
  void trials(std::span<const Trial> trials, std::int64_t search_tokens, const std::optional<BestSoFar>& best);

  void verdict(const Verdict& verdict);

 private:
  void open(const std::function<std::unique_ptr<TrackingSink>()>& make);
  void write(const TrackedEvent& event);
  framework::Json begin_line(const std::string& event) const;
  TrackedEvent tracked(const Trial& trial, std::int64_t search_tokens, const std::optional<BestSoFar>& best) const;
  void warn(const std::exception& error) const;

  const RunRecord& record_;
  Say say_;
  std::vector<std::unique_ptr<TrackingSink>> sinks_;
  std::string stage_;
  std::int64_t budget_bytes_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace pare::search
