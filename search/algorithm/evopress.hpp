// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

struct EvoPressSettings {
  std::size_t offspring = 128;
  std::vector<std::size_t> survivors{16, 4, 1};
  std::vector<std::int64_t> window_divisors{64, 8, 1};  ///< 2,048, 16,384 and 131,072 tokens, as shares of the windows
  int most_flips = 3;
  int generations = 150;  ///< without a token limit
  bool size_classes = true;
};

/// EvoPress (O. Sieberling et al., arXiv 2410.14649), the quantization search with its default settings, as a
/// rival.
///
///     parent = the uniform recipe of the budget, or the best of 128 random roundings
///     repeat for each generation
///       offspring: flips = min(U{1..3}, U{1..3}); each flip takes a size class (probability ~ its sites) and
///       moves one of its sites
///         a level down and one a level up; recipes seen in this generation are drawn again
///       for each stage: draw a fresh range of windows, keep the best 16, then 4, then 1; the parent stands
///       in the last stage
///
/// Kept as it is: bits never leave a size class (sites with equal numbers of weights), scores of earlier
/// stages are thrown away, the parent is measured anew. Ours: levels are the site's options in order of
/// bytes, and an offspring whose exact bytes are above the budget (levels are not always evenly spaced) is
/// drawn again. Without size classes ("evopress-bytes", its `group_rule none`) a flip raises any site and lowers random
/// others until the bytes are paid, with at most ten changes, and is drawn again when more than a fifth of the bytes
/// that were freed are left. O(generations x 576/64 x windows) evaluations.
class EvoPress final : public ProceduralAlgorithm {
 public:
  explicit EvoPress(const SearchProblem& problem, const EvoPressSettings& settings = {});

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;
  Procedure start();
  Procedure select(std::vector<Recipe>& candidates, std::size_t stage);
  std::vector<Recipe> make_offspring();
  bool flip(Recipe& recipe, DecisionRandom& random) const;
  bool flip_across_classes(Recipe& recipe, DecisionRandom& random) const;
  std::string name() const { return settings_.size_classes ? "evopress" : "evopress-bytes"; }

  EvoPressSettings settings_;
  std::vector<std::vector<std::size_t>> classes_;
  Recipe parent_;
  int generation_ = 0;
};

}  // namespace pare::search
