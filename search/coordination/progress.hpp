// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pare::search {

/// Tells people how far a run is: stage, done/total, rate, time left, and a note such as the best loss so far. On a
/// terminal one line is rewritten; elsewhere a line appears when a stage ends and every ten seconds in between. Writes
/// to standard error; used by the coordinator's thread only.
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

 private:
  using Clock = std::chrono::steady_clock;

  std::string line() const;
  void show(bool last);

  bool quiet_;
  bool terminal_;
  bool active_ = false;
  std::string stage_, unit_, note_;
  double done_ = 0;
  double total_ = 0;
  Clock::time_point started_, shown_;
};

}  // namespace pare::search
