// SPDX-License-Identifier: Apache-2.0
#include "search/space/moves.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/core/contract.hpp"
#include "search/space/row_moves.hpp"

namespace pare::search {
namespace {

std::int64_t bytes_at(const SearchSite& site, std::uint8_t option) {
  return site.options[option].bytes;
}

bool same_form(const SearchSite& site, std::uint8_t a, std::uint8_t b) {
  return site.options[a].form == site.options[b].form;
}

double harm_at(const SearchSite& site, std::uint8_t option) {
  return site.options[option].local_error * static_cast<double>(site.weights);
}

bool is_frozen(const std::vector<bool>& frozen, std::size_t site) {
  return !frozen.empty() && frozen[site];
}

/// Steps down at random sites until the recipe fits; false when the sites that may pay cannot.
bool pay_at_random(const SearchSpace& space, Recipe& recipe, const Budget& budget, const std::vector<bool>& frozen,
                   DecisionRandom& random) {
  if (budget.has_more_rows()) {
    std::optional<Recipe> paid = pay_rows_at_random(space, budget, recipe, frozen, random);
    if (paid) recipe = std::move(*paid);
    return paid.has_value();
  }
  std::vector<std::size_t> payers;
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    if (!is_frozen(frozen, s) && next_smaller(space.sites[s], recipe[s])) payers.push_back(s);
  }
  std::int64_t excess = space.bytes(recipe) - budget.bytes;
  while (excess > 0) {
    if (payers.empty()) return false;
    const std::size_t pick = random.below(static_cast<std::uint32_t>(payers.size()));
    const std::size_t s = payers[pick];
    const std::uint8_t lower = *next_smaller(space.sites[s], recipe[s]);
    excess -= bytes_at(space.sites[s], recipe[s]) - bytes_at(space.sites[s], lower);
    recipe[s] = lower;
    if (!next_smaller(space.sites[s], lower)) payers.erase(payers.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return true;
}

/// Steps up at random sites as long as one fits.
void spend_at_random(const SearchSpace& space, Recipe& recipe, const Budget& budget, const std::vector<bool>& frozen,
                     DecisionRandom& random) {
  if (budget.has_more_rows()) {
    recipe = spend_rows_at_random(space, budget, recipe, frozen, random);
    return;
  }
  std::int64_t left = budget.bytes - space.bytes(recipe);
  std::vector<std::size_t> takers(recipe.size());
  std::iota(takers.begin(), takers.end(), std::size_t{0});
  while (!takers.empty()) {
    const std::size_t pick = random.below(static_cast<std::uint32_t>(takers.size()));
    const std::size_t s = takers[pick];
    const std::optional<std::uint8_t> larger = next_larger(space.sites[s], recipe[s]);
    const std::int64_t cost = larger ? bytes_at(space.sites[s], *larger) - bytes_at(space.sites[s], recipe[s]) : 0;
    if (!larger || cost > left || is_frozen(frozen, s)) {
      takers.erase(takers.begin() + static_cast<std::ptrdiff_t>(pick));
      continue;
    }
    recipe[s] = *larger;
    left -= cost;
  }
}

template <class Predicate>
std::optional<Recipe> raise_where(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                                  Predicate&& chosen, DecisionRandom& random) {
  std::vector<std::size_t> raised;
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    if (chosen(space.sites[s])) raised.push_back(s);
  }
  return raise_and_pay(space, recipe, budget, raised, random);
}

}  // namespace

std::uint8_t nearest_of_form(const SearchSite& site, std::uint8_t option, const std::string& form) {
  std::optional<std::uint8_t> nearest;
  const std::int64_t limit = bytes_at(site, option);
  for (std::size_t i = 0; i < site.options.size(); ++i) {
    const auto o = static_cast<std::uint8_t>(i);
    if (site.options[o].form != form) continue;
    const std::int64_t bytes = bytes_at(site, o);
    const bool larger = nearest && bytes > bytes_at(site, *nearest);
    const bool as_good = nearest && site.options[*nearest].local_error <= site.options[o].local_error;
    if (nearest && (larger ? bytes > limit : as_good)) continue;
    nearest = o;
  }
  ENSURE(nearest.has_value(), site.name, " has no option of the form '", form, "'");
  return *nearest;
}

Recipe with_form(const SearchSpace& space, const Recipe& recipe, const Unit& unit, const std::string& form) {
  Recipe formed = recipe;
  for (const std::size_t s : unit) {
    if (space.sites[s].options[recipe[s]].form != form) formed[s] = nearest_of_form(space.sites[s], recipe[s], form);
  }
  return formed;
}

Recipe settle(const SearchSpace& space, const Recipe& recipe) {
  Recipe settled = recipe;
  for (const Unit& unit : space.units()) {
    const std::size_t first = unit.front();
    if (unit.size() > 1) settled = with_form(space, settled, unit, space.sites[first].options[settled[first]].form);
  }
  return settled;
}

std::optional<std::uint8_t> next_smaller(const SearchSite& site, std::uint8_t option) {
  for (int o = option - 1; o >= 0; --o) {
    const auto smaller = static_cast<std::uint8_t>(o);
    if (bytes_at(site, smaller) < bytes_at(site, option) && same_form(site, smaller, option)) return smaller;
  }
  return std::nullopt;
}

std::optional<std::uint8_t> next_larger(const SearchSite& site, std::uint8_t option) {
  for (std::size_t o = option + std::size_t{1}; o < site.options.size(); ++o) {
    const auto larger = static_cast<std::uint8_t>(o);
    if (bytes_at(site, larger) > bytes_at(site, option) && same_form(site, larger, option)) return larger;
  }
  return std::nullopt;
}

double local_harm(const SearchSpace& space, const Recipe& recipe) {
  double sum = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) sum += harm_at(space.sites[s], recipe[s]);
  return sum;
}

std::optional<Recipe> repair(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                             const std::vector<bool>& frozen) {
  if (budget.has_more_rows()) return repair_rows(space, budget, recipe, frozen);
  Recipe fitting = recipe;
  std::int64_t excess = space.bytes(recipe) - budget.bytes;
  while (excess > 0) {
    std::optional<std::size_t> best;
    bool best_ends_it = false;
    double best_price = std::numeric_limits<double>::infinity();
    for (std::size_t s = 0; s < fitting.size(); ++s) {
      const SearchSite& site = space.sites[s];
      const std::optional<std::uint8_t> lower = next_smaller(site, fitting[s]);
      if (is_frozen(frozen, s) || !lower) continue;
      const std::int64_t saved = bytes_at(site, fitting[s]) - bytes_at(site, *lower);
      const double harm = harm_at(site, *lower) - harm_at(site, fitting[s]);
      const bool ends_it = saved >= excess;
      const double price = ends_it ? harm : harm / static_cast<double>(saved);
      if (!best || (ends_it && !best_ends_it) || (ends_it == best_ends_it && price < best_price)) {
        best = s;
        best_ends_it = ends_it;
        best_price = price;
      }
    }
    if (!best) return std::nullopt;
    const SearchSite& site = space.sites[*best];
    const std::uint8_t lower = *next_smaller(site, fitting[*best]);
    excess -= bytes_at(site, fitting[*best]) - bytes_at(site, lower);
    fitting[*best] = lower;
  }
  for (std::size_t s = 0; s < fitting.size(); ++s) {  // the last step often pays more than was owed
    for (std::uint8_t o = recipe[s]; o > fitting[s]; --o) {
      if (!same_form(space.sites[s], o, fitting[s])) continue;
      const std::int64_t cost = bytes_at(space.sites[s], o) - bytes_at(space.sites[s], fitting[s]);
      if (cost > -excess) continue;
      fitting[s] = o;
      excess += cost;
    }
  }
  ENSURE(budget.fits(space, fitting), "a repaired recipe above the budget");
  return fitting;
}

Recipe spend(const SearchSpace& space, Recipe recipe, const Budget& budget, const std::vector<bool>& frozen) {
  if (budget.has_more_rows()) return spend_rows(space, budget, recipe, frozen);
  std::int64_t left = budget.bytes - space.bytes(recipe);
  EXPECT(left >= 0, "spending ", -left, " bytes that are not there");
  for (;;) {
    std::optional<std::size_t> best;
    double best_gain = 0;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      const SearchSite& site = space.sites[s];
      const std::optional<std::uint8_t> larger = next_larger(site, recipe[s]);
      if (is_frozen(frozen, s) || !larger) continue;
      const std::int64_t cost = bytes_at(site, *larger) - bytes_at(site, recipe[s]);
      const double gain = (harm_at(site, recipe[s]) - harm_at(site, *larger)) / static_cast<double>(cost);
      if (cost <= left && gain > best_gain) {
        best = s;
        best_gain = gain;
      }
    }
    if (!best) return recipe;
    const SearchSite& site = space.sites[*best];
    const std::uint8_t larger = *next_larger(site, recipe[*best]);
    left -= bytes_at(site, larger) - bytes_at(site, recipe[*best]);
    recipe[*best] = larger;
  }
}

std::optional<Recipe> raise_and_pay(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                                    const std::vector<std::size_t>& raised, DecisionRandom& random) {
  Recipe moved = recipe;
  std::vector<bool> frozen(recipe.size(), false);
  bool any = false;
  for (const std::size_t s : raised) {
    const std::optional<std::uint8_t> larger = next_larger(space.sites[s], recipe[s]);
    if (!larger) continue;
    moved[s] = *larger;
    frozen[s] = true;
    any = true;
  }
  if (!any || !pay_at_random(space, moved, budget, frozen, random)) return std::nullopt;
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    if (moved[s] != recipe[s]) frozen[s] = true;
  }
  spend_at_random(space, moved, budget, frozen, random);
  ENSURE(budget.fits(space, moved), "a move above the budget");
  return moved;
}

std::optional<Recipe> raise_kind(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                                 const std::string& kind, DecisionRandom& random) {
  return raise_where(
      space, recipe, budget, [&](const SearchSite& site) { return site.kind == kind; }, random);
}

std::optional<Recipe> raise_layer(const SearchSpace& space, const Recipe& recipe, const Budget& budget, int layer,
                                  DecisionRandom& random) {
  return raise_where(
      space, recipe, budget, [&](const SearchSite& site) { return site.layer == layer; }, random);
}

std::optional<Recipe> cross(const SearchSpace& space, const Recipe& a, const Recipe& b, const Budget& budget,
                            DecisionRandom& random) {
  Recipe child = a;
  for (std::size_t s = 0; s < child.size(); ++s) {
    if (random.below(2) == 1) child[s] = b[s];
  }
  const std::optional<Recipe> fitting = repair(space, settle(space, child), budget);
  if (!fitting) return std::nullopt;
  return spend(space, *fitting, budget);
}

Recipe random_recipe(const SearchSpace& space, const Budget& budget, DecisionRandom& random) {
  const Recipe cheapest = budget.cheapest(space);
  EXPECT(budget.fits(space, cheapest), "no recipe fits ", budget.bytes, " bytes");
  Recipe recipe(space.sites.size());
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    recipe[s] = static_cast<std::uint8_t>(random.below(static_cast<std::uint32_t>(space.sites[s].options.size())));
  }
  recipe = settle(space, recipe);
  if (!pay_at_random(space, recipe, budget, {}, random)) recipe = cheapest;
  spend_at_random(space, recipe, budget, {}, random);
  return recipe;
}

std::size_t changes(const Recipe& a, const Recipe& b) {
  EXPECT(a.size() == b.size(), "recipes of ", a.size(), " and ", b.size(), " sites");
  std::size_t count = 0;
  for (std::size_t s = 0; s < a.size(); ++s) count += a[s] != b[s] ? 1 : 0;
  return count;
}

}  // namespace pare::search
