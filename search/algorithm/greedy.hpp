// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"
#include "search/algorithm/sensitivity.hpp"

namespace pare::search {

struct GreedySettings {
  std::size_t batch = 8;        ///< steps measured again at a time, and swaps in a race
  std::int64_t most_steps = 4;  ///< taken between measurements where windows can be given up for fewer
  double descent_share = 0.5;   ///< of the tokens
};

/// Greedy descent by measured loss a byte, as NNCF, Olive and EXL3 allocate bits, then swaps; as a rival.
///
///     x = the largest option everywhere; price of a step at each site = (KL after - KL of x) / bytes saved
///     while x is above the budget                                                             # lazy greedy
///       measure the cheapest eight steps again whose prices are not of this x, until the cheapest is of x
///       take the cheapest steps of x, up to the first that is not of x and at most as many as keep the
///       descent within its tokens
///     spend the bytes of the last step that are left over
///     repeat while tokens last                                                                # refinement
///       measure all steps up and down at x
///       swaps: one step up paid by the cheapest steps down, or one step down spent on the best steps up
///       race the eight best not tried yet: the best two go from few windows to all; the better of them
///       becomes x if it is better than x on all windows
///     until no swap that should help does, with the steps measured on all windows
///
/// A step goes to the next smaller option that no other option of the site beats in bytes and local error.
/// After a step, the price of the site's next one is guessed from its local errors; a guess, like any price
/// of an earlier x, is measured before it is taken (M. Minoux 1978). Asks above the budget on the way down
/// and for single steps up. Nothing is drawn: every seed gives the same answer. When the tokens do not last
/// for the descent, the rest of it goes by the prices known; when they pay for no price a site, the answer is
/// local-ilp.
class Greedy final : public ProceduralAlgorithm {
 public:
  explicit Greedy(const SearchProblem& problem, const GreedySettings& settings = {});

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  struct Step {
    std::size_t site = 0;
    std::uint8_t option = 0;
    double price = 0;
    bool fresh = false;  ///< the price is of the present point
  };

  Procedure run() override;
  Procedure descend();
  Procedure refine();
  Procedure race(std::vector<Recipe> candidates, bool& moved);

  void plan_descent();
  Recipe after(const Step& step) const;
  /// Measures these steps at the present point.
  Procedure price(std::vector<std::size_t> which);
  /// Takes the steps of a round and lines up what follows them.
  void take_cheapest();
  std::vector<Recipe> promising_swaps(const Sensitivities& table) const;

  GreedySettings settings_;
  std::int64_t windows_ = 1;  ///< of a step's price
  std::size_t steps_a_round_ = 1;
  Recipe point_;             ///< where the descent is
  std::vector<Step> steps_;  ///< cheapest first
  Recipe answer_;
  std::set<Recipe> tried_;
  std::string phase_ = "start";
};

}  // namespace pare::search
