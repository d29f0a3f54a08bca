// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/integer_programme.hpp"

#include <Cbc_C_Interface.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

struct Column {
  std::size_t site;
  std::uint8_t option;
  double score;        ///< above the least of its site
  std::int64_t bytes;  ///< above the least of its site
  bool changes;
};

struct CbcDelete {
  void operator()(Cbc_Model* model) const { Cbc_deleteModel(model); }
};

std::vector<Column> make_columns(const SearchSpace& space, const Scores& scores, const TrustRegion* region) {
  std::vector<Column> columns;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const SearchSite& site = space.sites[s];
    EXPECT(scores[s].size() == site.options.size(), scores[s].size(), " scores at ", site.name);
    const double least = *std::min_element(scores[s].begin(), scores[s].end());
    for (std::size_t o = 0; o < site.options.size(); ++o) {
      EXPECT(!std::isnan(scores[s][o]), "a score at ", site.name, " is not a number");
      if (std::isinf(scores[s][o])) continue;
      const bool differs = region != nullptr && region->reference[s] != o;
      columns.push_back({s, static_cast<std::uint8_t>(o), scores[s][o] - least,
                         site.options[o].bytes - site.options.front().bytes, differs});
    }
  }
  return columns;
}

/// The whole problem in CBC's column-wise form. Bytes are divided by their common divisor and scores scaled
/// so that the largest sum is 1e6: CBC's tolerances are absolute.
std::unique_ptr<Cbc_Model, CbcDelete> load(const std::vector<Column>& columns, std::size_t sites,
                                           std::int64_t budget, const TrustRegion* region) {
  std::int64_t divisor = 0;
  std::vector<double> worst(sites, 0);
  for (const Column& column : columns) {
    divisor = std::gcd(divisor, column.bytes);
    worst[column.site] = std::max(worst[column.site], column.score);
  }
  divisor = std::max<std::int64_t>(divisor, 1);
  const double largest = std::accumulate(worst.begin(), worst.end(), 0.0);
  const double scale = largest > 0 ? 1e6 / largest : 1;

  std::vector<CoinBigIndex> starts{0};
  std::vector<int> rows;
  std::vector<double> values;
  std::vector<double> objective;
  for (const Column& column : columns) {
    const auto entry = [&](std::size_t row, double value) {
      rows.push_back(static_cast<int>(row));
      values.push_back(value);
    };
    entry(column.site, 1);
    if (column.bytes != 0) entry(sites, static_cast<double>(column.bytes / divisor));
    if (column.changes) entry(sites + 1, 1);
    starts.push_back(static_cast<CoinBigIndex>(rows.size()));
    objective.push_back(column.score * scale);
  }
  const std::size_t row_count = sites + (region == nullptr ? 1 : 2);
  std::vector<double> lower(row_count, 1);
  std::vector<double> upper(row_count, 1);
  lower[sites] = 0;
  upper[sites] = static_cast<double>(budget / divisor);
  if (region != nullptr) {
    lower[sites + 1] = 0;
    upper[sites + 1] = static_cast<double>(region->max_changes);
  }
  const std::vector<double> zeros(columns.size(), 0);
  const std::vector<double> ones(columns.size(), 1);

  std::unique_ptr<Cbc_Model, CbcDelete> model(Cbc_newModel());
  Cbc_setLogLevel(model.get(), 0);
  Cbc_loadProblem(model.get(), static_cast<int>(columns.size()), static_cast<int>(row_count), starts.data(),
                  rows.data(), values.data(), zeros.data(), ones.data(), objective.data(), lower.data(),
                  upper.data());
  for (std::size_t c = 0; c < columns.size(); ++c) Cbc_setInteger(model.get(), static_cast<int>(c));
  return model;
}

std::optional<Recipe> solve(const SearchSpace& space, const std::vector<Column>& columns, std::int64_t budget,
                            const TrustRegion* region, const IntegerProgrammeOptions& options) {
  const std::size_t sites = space.sites.size();
  const auto model = load(columns, sites, budget - space.smallest_bytes(), region);
  const double gap = columns.size() <= options.exact_columns ? 0 : options.relative_gap;
  Cbc_setParameter(model.get(), "log", "0");
  Cbc_setParameter(model.get(), "slog", "0");
  Cbc_setParameter(model.get(), "preprocess", "off");
  Cbc_setParameter(model.get(), "threads", "0");
  Cbc_setAllowableGap(model.get(), 0);
  Cbc_setAllowableFractionGap(model.get(), gap);
  Cbc_setMaximumNodes(model.get(), options.max_nodes);
  Cbc_solve(model.get());
  const double* solution = Cbc_bestSolution(model.get());
  if (Cbc_isProvenInfeasible(model.get()) != 0 || solution == nullptr) return std::nullopt;

  Recipe recipe(sites, 0);
  std::vector<double> share(sites, 0);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (solution[c] <= share[columns[c].site]) continue;
    share[columns[c].site] = solution[c];
    recipe[columns[c].site] = columns[c].option;
  }
  return recipe;
}

}  // namespace

std::optional<Recipe> allocate(const SearchSpace& space, const Scores& scores, std::int64_t budget_bytes,
                               const std::optional<TrustRegion>& region,
                               const IntegerProgrammeOptions& options) {
  EXPECT(scores.size() == space.sites.size(), scores.size(), " sites have scores of ", space.sites.size());
  EXPECT(!region || region->reference.size() == space.sites.size(), "a reference of another space");
  if (space.smallest_bytes() > budget_bytes) return std::nullopt;
  const TrustRegion* const trust = region ? &*region : nullptr;
  const std::vector<Column> columns = make_columns(space, scores, trust);
  // CBC holds rows to a tolerance; bytes are exact, so a solution that leans on the tolerance is solved again
  // below it.
  std::int64_t target = budget_bytes;
  for (int attempt = 0; attempt < 3 && target >= space.smallest_bytes(); ++attempt) {
    std::optional<Recipe> recipe = solve(space, columns, target, trust, options);
    if (!recipe) return std::nullopt;
    const std::int64_t excess = space.bytes(*recipe) - budget_bytes;
    if (excess <= 0) return recipe;
    target -= excess;
  }
  return std::nullopt;
}

double total_score(const Scores& scores, const Recipe& recipe) {
  double sum = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) sum += scores[s][recipe[s]];
  return sum;
}

}  // namespace pare::search
