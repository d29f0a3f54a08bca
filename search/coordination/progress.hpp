// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "search/objective/verdict.hpp"
#include "search/store/progress_file.hpp"

namespace pare::search {

/// Tells people how far a run is: stage, done/total, rate, time left, and a note such as the best loss so far. On a
/// terminal one line is rewritten; elsewhere a line appears when a stage ends and every ten seconds in between. Writes
/// to standard error, and the lines that stay to the log (framework/log); used by the coordinator's thread only.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();

  /// Ends the current stage and starts another; `total` units of `unit` to come.
  void begin(const std::string& stage, double total, const std::string& unit);
  void advance(double done);
  void note(const std::string& text) { note_ = text; }
  /// Ends the current stage with a last line.
  void end();
  /// A line of its own.
  void say(const std::string& line);

  /// What the time since the constructor went to: stages by their names, in the order of their first beginning, and last
  /// what passed outside of all stages, under that name.
  std::vector<StageTime> times(const std::string& outside) const;

  /// Is told how far the run is when it enters another stage, and at most every two seconds within one. The workers, the
  /// tokens and the budget are left to the listener.
  using Listener = std::function<void(RunProgress)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }
  /// Tells it now.
  void tell();

 private:
  using Clock = std::chrono::steady_clock;

  std::string line() const;
  void show(bool last);
  void tell_when_due();

  bool quiet_;
  bool terminal_;
  bool active_ = false;
  std::string stage_, told_stage_, unit_, note_;
  std::vector<StageTime> times_;  ///< of stages that ended
  double done_ = 0;
  double total_ = 0;
  Clock::time_point born_ = Clock::now();
  Clock::time_point started_, shown_, told_;
  Listener listener_;
};

}  // namespace pare::search
