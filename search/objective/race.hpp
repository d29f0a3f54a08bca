// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/objective/archive.hpp"
#include "search/objective/race_counts.hpp"

namespace pare::search {

struct RaceSettings {
  std::vector<std::int64_t> rungs;  ///< windows, strictly ascending, at least one
  double confidence = 0.9;  ///< at least: that the best entrant is not eliminated, over all looks and entrants together
  double share = 1;         ///< of the challengers that are left, who go on to the next rung; the best of them
  double accept = 2;        ///< ends the race once a challenger beats the defender with that confidence; above 1: never
};

/// A race of recipes over rungs of windows, the same windows for all: who is worse by paired differences leaves.
///
///     while not done: measure racing() on the windows [0, windows()); look()
///
/// A look compares everyone with the leader (least mean) by a one-sided t-test over paired differences, with windows
/// as samples. The test's level is (1 - confidence) / (looks x (entrants - 1)): the best entrant can only be
/// eliminated when one of the others passes the test against it at one of the looks, which by Bonferroni's bound
/// happens in at most 1 - confidence of the races. Looks lie at every rung and, within a rung, wherever the windows have
/// doubled, so that a hopeless entrant leaves before its rung ends. The first entrant is the defender: it is never cut
/// by the share. A recipe of a failed trial leaves at once (Archive::failed). Holds no clock and draws nothing.
class Race {
 public:
  /// EXPECTs different entrants, at least one, and rungs as described.
  Race(std::vector<Recipe> entrants, RaceSettings settings);

  bool done() const { return done_; }
  /// Who is to be known on [0, windows()) at the next look. The defender, where it still races, comes first.
  const std::vector<Recipe>& racing() const { return racing_; }
  std::int64_t windows() const { return looks_[look_]; }
  /// Compares, and lets entrants leave. EXPECTs that all who race are known on these windows.
  void look(const Archive& archive);

  /// Who was best at the last look; the defender before the first.
  const Recipe& leader() const { return leader_; }
  /// Windows of the last look; 0 before the first.
  std::int64_t seen() const { return seen_; }
  const RaceCounts& counts() const { return counts_; }

 private:
  void eliminate(const Archive& archive);
  void cut(const Archive& archive);
  void leave(std::size_t index);
  void account();

  RaceSettings settings_;
  Recipe defender_;
  std::vector<Recipe> racing_;
  std::vector<std::int64_t> looks_;
  double level_;
  std::size_t look_ = 0;
  std::int64_t seen_ = 0;
  Recipe leader_;
  bool done_ = false;
  RaceCounts counts_;
};

/// Rungs of an eighth, a half and all of so many windows.
std::vector<std::int64_t> default_rungs(std::int64_t windows);

/// Rungs of a race of so many challengers and a defender that runs `most` windows in all unless somebody is eliminated,
/// half of the challengers going on: the last rungs are left out, or end sooner, until that is so, but for the first
/// `least` windows, which every race has.
std::vector<std::int64_t> rungs_within(const std::vector<std::int64_t>& rungs, std::size_t challengers,
                                       std::int64_t most, std::int64_t least);

/// Rungs of tokens as windows: rounded up, within the windows there are, each once, ascending; all windows last.
std::vector<std::int64_t> rungs_of_tokens(const std::vector<std::int64_t>& tokens, std::int64_t window_length,
                                          std::int64_t windows);

}  // namespace pare::search
