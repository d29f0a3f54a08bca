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

/// How much of a run people want to be told.
enum class Verbosity {
  quiet,   ///< warnings alone
  normal,  ///< and how far it is
  verbose  ///< and every detail()
};

/// Tells people how far a run is: stage, done and total, rate, time left, and a note such as the best loss so far. On a
/// terminal one line is rewritten; elsewhere a line appears when a stage ends and every ten seconds in between, every
/// minute once a stage has taken ten. Writes to standard error, and the lines that stay to the log (framework/log); used by
/// the coordinator's thread only.
class Progress {
 public:
  explicit Progress(Verbosity verbosity);
  ~Progress();

  /// Ends the current stage and starts another; `total` units of `unit` to come, and `most_seconds` at most where that is
  /// not 0.
  void begin(const std::string& stage, double total, const std::string& unit, double most_seconds = 0);
  void advance(double done);
  /// Does something within the stage whose time is not the stage's.
  void outside(const std::function<void()>& work);
  void note(const std::string& text) { note_ = text; }
  /// Ends the current stage with a last line.
  void end();
  /// A line of its own. One that begins with "warning: " is shown in any case.
  void say(const std::string& line);
  /// A line for those who want to know everything.
  void detail(const std::string& line);
  bool is_verbose() const { return verbosity_ == Verbosity::verbose; }

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

  void print(const std::string& text);

  Verbosity verbosity_;
  bool terminal_;
  bool active_ = false;
  std::string stage_, told_stage_, unit_, note_;
  std::vector<StageTime> times_;  ///< of stages that ended
  double done_ = 0;
  double total_ = 0;
  double most_seconds_ = 0;
  double outside_seconds_ = 0;  ///< of the stage
  Clock::time_point born_ = Clock::now();
  Clock::time_point started_, shown_, told_;
  Listener listener_;
};

}  // namespace pare::search
