// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

/// Both the smaller the better.
struct Objectives {
  double kl = 0;
  std::int64_t bytes = 0;
};

/// Front of every point, 0 for those that no other dominates: the fast non-dominated sort. O(points^2).
std::vector<std::size_t> non_dominated_ranks(const std::vector<Objectives>& points);

/// Crowding distance of every point within its front: the sides of the box between its neighbours, each as a
/// share of the front's extent; infinite at the ends of a front.
std::vector<double> crowding_distances(const std::vector<Objectives>& points, const std::vector<std::size_t>& ranks);

struct Nsga2Settings {
  std::size_t population = 200;      ///< at most; AMQ's
  std::size_t least_population = 8;  ///< at least
  int generations = 40;              ///< the population is scaled down until the tokens pay for so many (AMQ: 20)
  double front_share = 0.1;          ///< of the range from the smallest recipe to the budget; AMQ: all of it
  double crossover = 0.9;            ///< share of children with two parents; Deb's
};

/// NSGA-II (K. Deb et al., IEEE Transactions on Evolutionary Computation 6, 2002) over (KL, bytes), in the use
/// that AMQ (S. Lee et al., EMNLP 2025) makes of it for mixed precision, as a rival.
///
///     population = the uniform recipes that fit, and random ones at evenly spread bytes of the front
///     repeat
///       children: binary tournaments by (front, crowding distance) choose two parents; each site from one or
///       the other, then another option at about one site; recipes seen before are drawn again
///       population = the best of both generations by (front, crowding distance)
///     the best four on all windows: the best of them is the answer
///
/// The front ends a tenth of the range below the budget: fewer bytes count as so many. A search of the whole
/// front, as AMQ's, spends nearly all of its trials on bytes that were not asked for. The budget is kept by
/// repair, not by constrained domination: a child above it is lowered where the local
/// error grows least, so that every recipe that is asked for fits. All trials of a run are measured on the
/// same first windows (a thirty-second of all by default). Ours besides: KL is measured where AMQ predicts it. The
/// generations go on while the tokens last.
class Nsga2 final : public ProceduralAlgorithm {
 public:
  explicit Nsga2(const SearchProblem& problem, const Nsga2Settings& settings = {});

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;
  std::vector<Recipe> first_population(std::size_t size);
  std::vector<Recipe> make_children();
  Recipe vary(const Recipe& mother, const Recipe& father, DecisionRandom& random) const;
  /// Keeps the best of the population and ranks them.
  void select(std::size_t size);

  Nsga2Settings settings_;
  std::int64_t windows_ = 1;
  std::int64_t least_bytes_ = 0;  ///< fewer count as so many
  std::vector<Recipe> population_;
  std::vector<std::size_t> ranks_;
  std::vector<double> distances_;
  Recipe answer_;
  int generation_ = 0;
};

}  // namespace pare::search
