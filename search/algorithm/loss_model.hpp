// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "search/algorithm/cholesky.hpp"
#include "search/algorithm/integer_programme.hpp"
#include "search/objective/archive.hpp"
#include "search/space/random.hpp"

namespace pare::search {

struct LossModelSettings {
  double scale = 0.7;        ///< deviation of the factor between the shape and what the point shows, all sites alike
  double site = 0.7;         ///< and of every site's own share of it
  double option = 0.25;      ///< and of every option's
  double interaction = 0.3;  ///< deviation of a joint change from the sum of its parts, as a share of them
  double drift = 0.4;        ///< the same of what was seen at another point
};

/// What a change at a point does, learned from every pair of recipes that were measured on the same windows: a linear
/// model of the neighbourhood of the point, by Bayesian least squares (the posterior of a Gaussian prior).
///
///     effect(s, o) = (scale + site_s + option_so) g_so,   g_so = shape[s][o] - shape[s][point_s]
///
/// The shape is the loss of single changes at the full model, where it is measured with the least noise: there is no
/// other rounding error that it could add to. At the point, changes act through what is rounded already, so that the
/// shape is off by a factor, of all sites and of each: prior normal, mean 1 for the scale and 0 for the rest. Each
/// observation has the variance of its paired windows (shrunk towards what changes of that size have, since few windows
/// say little about their own variance), and that of what the sum leaves out: interaction between several changes,
/// drift when it was seen at another point, whose losses are scaled by the ratio of the two points' losses. So noise is
/// weighed by its size, an option that was not measured follows its site, and a race informs the prices, too.
class LossModel {
 public:
  /// shape: infinity forbids an option, but for the point's own, which then counts like its neighbour.
  LossModel(const SearchSpace& space, const Scores& shape, Recipe point, double level,
            const LossModelSettings& settings = {});

  const Recipe& point() const { return point_; }

  /// What is known of every recipe against the hub that it is nearest to. Hubs: recipes that others were measured
  /// beside; those without a window are passed over. Replaces what was learned before.
  void learn(const Archive& archive, const std::vector<Recipe>& hubs);

  /// Expected effects: zero at the point's own options.
  Scores mean() const;
  /// Effects drawn from the posterior.
  Scores draw(DecisionRandom& random) const;
  std::size_t observations() const { return observations_.size(); }

 private:
  struct Term {
    std::size_t site;
    std::size_t option;
    double gain;  ///< times its g
  };
  struct Observation {
    std::vector<Term> terms;
    double value;
    double spread;  ///< variance of one window; 0: one window only
    double windows;
    double misfit;  ///< variance of what the sum leaves out
    double size;    ///< sum of |g|
  };

  void observe(const Archive& archive, const Recipe& recipe, const Recipe& hub);
  void solve();
  double pooled_noise() const;
  double gain(std::size_t site, std::size_t option) const { return shape_[site][option] - shape_[site][point_[site]]; }
  Scores effects(const std::vector<double>& parameters, DecisionRandom* random) const;

  const SearchSpace& space_;
  Scores shape_;
  Recipe point_;
  double level_;  ///< mean loss at the point
  LossModelSettings settings_;
  std::vector<Observation> observations_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> options_;  ///< parameters of options seen
  std::optional<Cholesky> posterior_;                                   ///< of the precision
  std::vector<double> mean_;
};

}  // namespace pare::search
