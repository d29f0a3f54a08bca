// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "search/algorithm/search_algorithm.hpp"

namespace pare::test {

/// A space and a function in place of a model: per-window KL of a recipe, computed at once.
struct SyntheticProblem {
  search::SearchSpace space;
  std::int64_t budget_bytes = 0;
  std::int64_t windows = 1;
  std::int64_t window_length = 256;
  std::function<double(const search::Recipe&, std::int64_t window)> kl;
  std::function<double(const search::Recipe&, std::int64_t item)> wrong = {};  ///< 1 or 0; empty: windows are text

  search::SearchProblem problem(std::uint64_t seed = 1, std::int64_t token_limit = 0) const;
  double mean_kl(const search::Recipe& recipe, std::int64_t begin, std::int64_t count) const;
  double mean_kl(const search::Recipe& recipe) const { return mean_kl(recipe, 0, windows); }
};

/// What an algorithm asked and found.
struct Outcome {
  std::vector<std::vector<search::EvaluationRequest>> batches;
  std::vector<search::Finalist> finalists;
  std::int64_t tokens = 0;

  const search::Recipe& best() const { return finalists.front().recipe; }
  std::vector<search::EvaluationRequest> requests() const;
  /// Recipe, first window and windows of every request in order, to be compared with another run's.
  std::vector<std::tuple<search::Recipe, std::int64_t, std::int64_t>> asked() const;
};

/// The driver: ask, compute, tell, until nothing is asked.
Outcome drive(search::SearchAlgorithm& algorithm, const SyntheticProblem& problem);
Outcome drive(const std::string& algorithm, const SyntheticProblem& problem, std::uint64_t seed = 1,
              std::int64_t token_limit = 0);

/// A number in [0, 1) from a key, the same on every machine: noise that belongs to (site, window) or (recipe,
/// window).
double keyed_uniform(std::uint64_t a, std::uint64_t b, std::uint64_t c = 0);
double keyed_normal(std::uint64_t a, std::uint64_t b, std::uint64_t c = 0);
std::uint64_t hash_of(const search::Recipe& recipe);

/// `sites` sites in `layers` layers with the given bits as options; sizes differ by up to four times.
search::SearchSpace small_space(std::size_t sites, const std::vector<int>& bits, std::uint64_t seed = 1);

/// KL is a sum over sites; scores are arbitrary and fall with the bytes.
SyntheticProblem additive_problem(std::size_t sites, std::int64_t windows, std::uint64_t seed, double noise = 0);

/// Pairwise terms as strong as the sites' own.
SyntheticProblem interacting_problem(std::size_t sites, std::int64_t windows, std::uint64_t seed);

/// Additivity broken on purpose: `pairs` pairs of equal sites of two options. A site at 2 bits costs 0.1 in the first
/// half of the pairs and 0.2 in the others, and 5 more when its partner is at 2 bits too; half of the sites must be.
/// The best recipe lowers one of each pair and costs 0.15 a pair; alone, the whole first half looks best.
SyntheticProblem jealous_pairs_problem(std::size_t pairs);

/// One option index a site, all in range.
bool is_valid(const search::SearchSpace& space, const search::Recipe& recipe);

/// Tokens that pay for so many recipes on all windows.
std::int64_t tokens_for(const SyntheticProblem& problem, std::int64_t recipes);

/// The shape of a small transformer: five layers of seven linear sites, 2 to 8 bits in groups of 32;
/// sensitivities spread over 30 times and differing from window to window; KL grows faster than the sum of
/// the errors and saturates. The constants give uniform recipes of 2, 3 and 4 bits about 4, 0.6 and 0.09
/// nats, which is what a 260 K-parameter Llama shows.
SyntheticProblem transformer_like_problem(std::uint64_t seed, const std::string& budget_option = "w3-g32");

/// The same space, and windows that are 200 items of a choice: an item is answered wrongly where what all sites together
/// do to it is more than its own margin. A tenth is wrong with the full model, a sixth at 3 bits.
SyntheticProblem exam_problem(std::uint64_t seed);

}  // namespace pare::test
