// SPDX-License-Identifier: Apache-2.0
#include "search/space/row_moves.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_frozen(const std::vector<bool>& frozen, std::size_t site) {
  return !frozen.empty() && frozen[site];
}

double harm_of(const SearchSite& site, std::uint8_t from, std::uint8_t to) {
  return (site.options[to].local_error - site.options[from].local_error) * static_cast<double>(site.weights);
}

/// The options that a site may change to within its form.
std::vector<std::uint8_t> others(const SearchSite& site, std::uint8_t own) {
  std::vector<std::uint8_t> options;
  for (std::size_t o = 0; o < site.options.size(); ++o) {
    if (o != own && site.options[o].form == site.options[own].form) options.push_back(static_cast<std::uint8_t>(o));
  }
  return options;
}

double over(std::int64_t use, std::int64_t limit) {
  if (use <= limit) return 0;
  return static_cast<double>(use - limit) / static_cast<double>(std::max<std::int64_t>(limit, 1));
}

/// Changes that the end result does without go back to what `wanted` had.
void undo_needless(const Recipe& wanted, RowUse& use) {
  for (std::size_t s = 0; s < wanted.size(); ++s) {
    if (use.recipe()[s] != wanted[s] && use.violation_with(s, wanted[s]) == 0) use.change(s, wanted[s]);
  }
}

}  // namespace

RowUse::RowUse(const SearchSpace& space, const Budget& budget, Recipe recipe)
    : space_(space), recipe_(std::move(recipe)) {
  rows_.push_back({std::nullopt, budget.bytes, space.bytes(recipe_)});
  for (std::size_t m = 0; m < budget.limits.size(); ++m) {
    if (budget.limits[m] != Budget::unlimited) rows_.push_back({m, budget.limits[m], space.cost(m, recipe_)});
  }
}

std::int64_t RowUse::added(const Row& row, std::size_t site, std::uint8_t option) const {
  const SiteOption& from = space_.sites[site].options[recipe_[site]];
  const SiteOption& to = space_.sites[site].options[option];
  return row.measure ? to.costs[*row.measure] - from.costs[*row.measure] : to.bytes - from.bytes;
}

double RowUse::violation() const {
  double sum = 0;
  for (const Row& row : rows_) sum += over(row.use, row.limit);
  return sum;
}

double RowUse::violation_with(std::size_t site, std::uint8_t option) const {
  double sum = 0;
  for (const Row& row : rows_) sum += over(row.use + added(row, site, option), row.limit);
  return sum;
}

double RowUse::share_of_slack(std::size_t site, std::uint8_t option) const {
  double sum = 0;
  for (const Row& row : rows_) {
    const std::int64_t more = added(row, site, option);
    if (row.use + more > row.limit) return infinity;
    if (more > 0) sum += static_cast<double>(more) / static_cast<double>(row.limit - row.use);
  }
  return sum;
}

void RowUse::change(std::size_t site, std::uint8_t option) {
  for (Row& row : rows_) row.use += added(row, site, option);
  recipe_[site] = option;
}

std::optional<Recipe> repair_rows(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                                  const std::vector<bool>& frozen) {
  RowUse use(space, budget, recipe);
  for (double violation = use.violation(); violation > 0; violation = use.violation()) {
    std::optional<std::size_t> best;
    std::uint8_t best_option = 0;
    bool best_ends_it = false;
    double best_price = infinity;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      if (is_frozen(frozen, s)) continue;
      const std::uint8_t own = use.recipe()[s];
      for (const std::uint8_t o : others(space.sites[s], own)) {
        const double left = use.violation_with(s, o);
        if (left >= violation) continue;
        const double harm = harm_of(space.sites[s], own, o);
        const bool ends_it = left == 0;
        const double price = ends_it ? harm : harm / (violation - left);
        if (best && (ends_it != best_ends_it ? best_ends_it : price >= best_price)) continue;
        best = s;
        best_option = o;
        best_ends_it = ends_it;
        best_price = price;
      }
    }
    if (!best) return std::nullopt;
    use.change(*best, best_option);
  }
  undo_needless(recipe, use);
  return use.recipe();
}

Recipe spend_rows(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                  const std::vector<bool>& frozen) {
  RowUse use(space, budget, recipe);
  for (;;) {
    std::optional<std::size_t> best;
    std::uint8_t best_option = 0;
    double best_gain = 0;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      if (is_frozen(frozen, s)) continue;
      const std::uint8_t own = use.recipe()[s];
      for (const std::uint8_t o : others(space.sites[s], own)) {
        const double share = use.share_of_slack(s, o);
        const double harm = harm_of(space.sites[s], own, o);
        if (share == infinity || harm >= 0) continue;
        const double gain = share > 0 ? -harm / share : infinity;
        if (gain <= best_gain) continue;
        best = s;
        best_option = o;
        best_gain = gain;
      }
    }
    if (!best) return use.recipe();
    use.change(*best, best_option);
  }
}

std::optional<Recipe> pay_rows_at_random(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                                         const std::vector<bool>& frozen, DecisionRandom& random) {
  RowUse use(space, budget, recipe);
  for (double violation = use.violation(); violation > 0; violation = use.violation()) {
    std::vector<std::pair<std::size_t, std::uint8_t>> payments;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      if (is_frozen(frozen, s)) continue;
      for (const std::uint8_t o : others(space.sites[s], use.recipe()[s])) {
        if (use.violation_with(s, o) < violation) payments.emplace_back(s, o);
      }
    }
    if (payments.empty()) return std::nullopt;
    const auto [site, option] = payments[random.below(static_cast<std::uint32_t>(payments.size()))];
    use.change(site, option);
  }
  return use.recipe();
}

Recipe spend_rows_at_random(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                            const std::vector<bool>& frozen, DecisionRandom& random) {
  RowUse use(space, budget, recipe);
  std::vector<std::size_t> takers(recipe.size());
  std::iota(takers.begin(), takers.end(), std::size_t{0});
  while (!takers.empty()) {
    const std::size_t pick = random.below(static_cast<std::uint32_t>(takers.size()));
    const std::size_t s = takers[pick];
    const std::vector<SiteOption>& options = space.sites[s].options;
    std::optional<std::uint8_t> larger;
    for (const std::uint8_t o : others(space.sites[s], use.recipe()[s])) {
      const bool more = options[o].bytes > options[use.recipe()[s]].bytes;
      if (!larger && more && use.share_of_slack(s, o) < infinity) larger = o;
    }
    if (larger && !is_frozen(frozen, s)) {
      use.change(s, *larger);
    } else {
      takers.erase(takers.begin() + static_cast<std::ptrdiff_t>(pick));
    }
  }
  return use.recipe();
}

}  // namespace pare::search
