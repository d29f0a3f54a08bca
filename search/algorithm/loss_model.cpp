// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/loss_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/algorithm/cholesky.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// Windows that the pooled variance counts for beside an observation's own.
constexpr double pooled_windows = 4;

double square(double x) {
  return x * x;
}

/// For an option whose loss is not known: that of the largest one below it, else of the smallest one above.
double next_best(const SearchSite& site, const std::vector<double>& row, std::size_t option) {
  const auto known = [&](std::size_t o) {
    return std::isfinite(row[o]) && site.options[o].form == site.options[option].form;
  };
  for (std::size_t o = option; o-- > 0;) {
    if (known(o)) return row[o];
  }
  for (std::size_t o = option + 1; o < row.size(); ++o) {
    if (known(o)) return row[o];
  }
  return 0;
}

}  // namespace

LossModel::LossModel(const SearchSpace& space, const Scores& shape, Recipe point, double level,
                     const LossModelSettings& settings)
    : space_(space), shape_(shape), point_(std::move(point)), level_(level), settings_(settings) {
  EXPECT(shape.size() == space.sites.size() && point_.size() == shape.size(), "a shape of another space");
  for (std::size_t s = 0; s < point_.size(); ++s) {
    double& own = shape_[s][point_[s]];
    if (std::isinf(own)) own = next_best(space.sites[s], shape_[s], point_[s]);
  }
  solve();
}

void LossModel::learn(const Archive& archive, const std::vector<Recipe>& hubs) {
  observations_.clear();
  options_.clear();
  for (std::size_t i = 0; i < archive.size(); ++i) {
    const Recipe& recipe = archive.recipe(i);
    const Recipe* nearest = nullptr;
    std::size_t distance = recipe.size() + 1;
    for (const Recipe& hub : hubs) {
      const std::size_t d = hub == recipe ? distance : changes(hub, recipe);
      if (d > distance || (d == distance && hub != point_) || archive.compare(recipe, hub).windows == 0) continue;
      distance = d;
      nearest = &hub;
    }
    if (nearest != nullptr) observe(archive, recipe, *nearest);
  }
  solve();
}

void LossModel::observe(const Archive& archive, const Recipe& recipe, const Recipe& hub) {
  const PairedComparison comparison = archive.compare(recipe, hub);
  Observation seen{{}, 0, 0, static_cast<double>(comparison.windows), 0, 0};
  double squares = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    if (recipe[s] == hub[s]) continue;
    const double after = gain(s, recipe[s]);
    const double before = gain(s, hub[s]);
    if (!std::isfinite(after) || !std::isfinite(before)) return;
    if (recipe[s] != point_[s]) seen.terms.push_back({s, recipe[s], after});
    if (hub[s] != point_[s]) seen.terms.push_back({s, hub[s], -before});
    seen.size += std::abs(after - before);
    squares += square(after - before);
  }
  if (seen.size == 0) return;
  const double hub_level = archive.mean_known(hub).mean;
  const double scale = hub_level > 0 ? std::clamp(level_ / hub_level, 0.25, 4.0) : 1.0;
  seen.value = scale * comparison.difference.mean;
  if (comparison.windows > 1) seen.spread = square(scale * comparison.difference.stderr_of_mean) * seen.windows;
  seen.misfit = square(settings_.interaction) * (square(seen.size) - squares);
  if (hub != point_) seen.misfit += square(settings_.drift) * squares;
  for (const Term& term : seen.terms) options_.try_emplace({term.site, term.option}, 0);
  observations_.push_back(std::move(seen));
}

double LossModel::pooled_noise() const {
  std::vector<double> ratios;
  for (const Observation& each : observations_) {
    if (each.windows > 1) ratios.push_back(each.spread / (each.size * (level_ + each.size)));
  }
  if (ratios.empty()) return 0.01;
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return std::max(*middle, 1e-9);
}

void LossModel::solve() {
  const std::size_t sites = point_.size();
  std::size_t n = 1 + sites;
  for (auto& [key, index] : options_) index = n++;
  std::vector<double> precision(n * n, 0.0);
  std::vector<double> right(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const double deviation = i == 0 ? settings_.scale : i <= sites ? settings_.site : settings_.option;
    precision[i * n + i] = 1 / square(deviation);
  }
  right[0] = precision[0];  // the prior mean of the scale is 1
  const double noise = pooled_noise();
  std::map<std::size_t, double> row;
  for (const Observation& each : observations_) {
    row.clear();
    for (const Term& term : each.terms) {
      row[0] += term.gain;
      row[1 + term.site] += term.gain;
      row[options_.at({term.site, term.option})] += term.gain;
    }
    const double pooled = noise * each.size * (level_ + each.size);
    const double own = each.windows - 1;
    const double variance =
        (pooled_windows * pooled + own * each.spread) / (pooled_windows + own) / each.windows + each.misfit;
    for (const auto& [i, x] : row) {
      right[i] += x * each.value / variance;
      for (const auto& [j, y] : row) {
        if (j > i) break;
        precision[i * n + j] += x * y / variance;
      }
    }
  }
  posterior_.emplace(std::move(precision), n);
  mean_ = posterior_->solve(std::move(right));
}

Scores LossModel::effects(const std::vector<double>& parameters, DecisionRandom* random) const {
  Scores scores = shape_;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    for (std::size_t o = 0; o < scores[s].size(); ++o) {
      if (std::isinf(scores[s][o])) continue;
      double factor = parameters[0] + parameters[1 + s];
      const auto seen = options_.find({s, o});
      if (seen != options_.end()) {
        factor += parameters[seen->second];
      } else if (random != nullptr) {
        factor += settings_.option * random->normal();
      }
      scores[s][o] = o == point_[s] ? 0.0 : factor * gain(s, o);
    }
  }
  return scores;
}

Scores LossModel::mean() const {
  return effects(mean_, nullptr);
}

Scores LossModel::draw(DecisionRandom& random) const {
  std::vector<double> normal(mean_.size());
  for (double& x : normal) x = random.normal();
  std::vector<double> parameters = posterior_->solve_transposed(std::move(normal));
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += mean_[i];
  return effects(parameters, &random);
}

}  // namespace pare::search
