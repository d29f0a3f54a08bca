// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/row_programme.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "kernels/core/contract.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t most_rows = 8;
constexpr std::array<std::size_t, 2> passes{40, 600};  // partial recipes kept at a unit

using Costs = std::array<std::int64_t, most_rows>;  // those beyond the rows are 0
using Prices = std::array<double, most_rows>;

bool at_most(const Costs& a, const Costs& b) {
  for (std::size_t r = 0; r < most_rows; ++r) {
    if (a[r] > b[r]) return false;
  }
  return true;
}

Costs operator+(const Costs& a, const Costs& b) {
  Costs sum{};
  for (std::size_t r = 0; r < most_rows; ++r) sum[r] = a[r] + b[r];
  return sum;
}

/// One choice of a unit: an option for each of its sites.
struct Item {
  double score = 0;
  Costs costs{};
  std::vector<std::uint8_t> options;
};

/// Drops every item that another one with no higher score and costs dominates; of equals the first stays.
void keep_undominated(std::vector<Item>& items) {
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.score, a.costs) < std::tie(b.score, b.costs);
  });
  std::vector<Item> kept;
  for (Item& item : items) {
    const bool dominated = std::ranges::any_of(kept, [&](const Item& k) { return at_most(k.costs, item.costs); });
    if (!dominated) kept.push_back(std::move(item));
  }
  items = std::move(kept);
}

/// The units of the space with their choices, and the limits of the rows.
struct Programme {
  std::vector<Unit> units;
  std::vector<std::vector<Item>> items;  ///< by unit; an empty list: nothing is allowed there
  Costs limits{};
  std::size_t rows = 0;
};

Programme make_programme(const SearchSpace& space, const Scores& scores, const Budget& budget,
                         const std::optional<TrustRegion>& region) {
  Programme programme{space.units(), {}, {}, 0};
  std::vector<std::size_t> measures;
  programme.limits[programme.rows++] = budget.bytes;
  for (std::size_t m = 0; m < budget.limits.size(); ++m) {
    if (budget.limits[m] == Budget::unlimited) continue;
    EXPECT(programme.rows + 1 < most_rows, "more than ", most_rows, " rows");
    measures.push_back(m);
    programme.limits[programme.rows++] = budget.limits[m];
  }
  const bool bounded = region && region->max_changes < space.sites.size();
  if (bounded) programme.limits[programme.rows++] = static_cast<std::int64_t>(region->max_changes);
  const auto costs_of = [&](std::size_t s, std::size_t o) {
    const SiteOption& option = space.sites[s].options[o];
    Costs costs{};
    std::size_t row = 0;
    costs[row++] = option.bytes;
    for (const std::size_t m : measures) costs[row++] = option.costs[m];
    if (bounded) costs[row] = region->reference[s] == o ? 0 : 1;
    return costs;
  };
  for (const Unit& unit : programme.units) {
    std::vector<Item>& all = programme.items.emplace_back();
    for (const std::string& form : space.forms(unit)) {
      std::vector<Item> partial{Item{}};
      for (const std::size_t s : unit) {
        std::vector<Item> extended;
        for (const Item& item : partial) {
          for (std::size_t o = 0; o < space.sites[s].options.size(); ++o) {
            EXPECT(!std::isnan(scores[s][o]), "a score at ", space.sites[s].name, " is not a number");
            if (std::isinf(scores[s][o]) || space.sites[s].options[o].form != form) continue;
            Item& longer =
                extended.emplace_back(Item{item.score + scores[s][o], item.costs + costs_of(s, o), item.options});
            longer.options.push_back(static_cast<std::uint8_t>(o));
          }
        }
        keep_undominated(extended);
        partial = std::move(extended);
      }
      all.insert(all.end(), partial.begin(), partial.end());
    }
    keep_undominated(all);
  }
  return programme;
}

double priced(const Item& item, const Prices& prices) {
  double sum = item.score;
  for (std::size_t r = 0; r < most_rows; ++r) sum += prices[r] * static_cast<double>(item.costs[r]);
  return sum;
}

/// The Lagrangian at some prices, which no recipe that fits can be below, and what its recipe has of each row.
struct Relaxed {
  double bound = 0;
  Costs use{};
};

Relaxed relax(const Programme& programme, const Prices& prices) {
  Relaxed relaxed;
  for (std::size_t r = 0; r < programme.rows; ++r) {
    relaxed.bound -= prices[r] * static_cast<double>(programme.limits[r]);
  }
  for (const std::vector<Item>& items : programme.items) {
    const Item* least = nullptr;
    double value = infinity;
    for (const Item& item : items) {
      const double reduced = priced(item, prices);
      if (reduced >= value) continue;
      value = reduced;
      least = &item;
    }
    relaxed.bound += value;
    relaxed.use = relaxed.use + least->costs;
  }
  return relaxed;
}

/// Sets the price of a row to where the bound is highest, the other prices as they are.
void set_price(const Programme& programme, std::size_t row, Prices& prices) {
  const auto use_at = [&](double price) {
    prices[row] = price;
    return relax(programme, prices).use[row];
  };
  if (use_at(0) <= programme.limits[row]) return;
  double high = 1.0 / static_cast<double>(std::max<std::int64_t>(programme.limits[row], 1));
  for (int doubling = 0; use_at(high) > programme.limits[row] && doubling < 60; ++doubling) high *= 2;
  double low = 0;
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    (use_at(middle) > programme.limits[row] ? low : high) = middle;
  }
  prices[row] = high;
}

Prices best_prices(const Programme& programme) {
  Prices prices{};
  for (int round = 0; round < 3; ++round) {
    for (std::size_t row = 0; row < programme.rows; ++row) set_price(programme, row, prices);
  }
  Prices best = prices;
  double highest = relax(programme, best).bound;
  // Coordinate ascent may stand at a kink; a step changes every price by at most `pace` of what the largest is worth.
  double worth = 0;
  for (std::size_t r = 0; r < programme.rows; ++r) {
    worth = std::max(worth, prices[r] * static_cast<double>(std::max<std::int64_t>(programme.limits[r], 1)));
  }
  double pace = 0.3;
  for (int step = 0; step < 120; ++step, pace *= 0.95) {
    const Costs use = relax(programme, prices).use;
    for (std::size_t r = 0; r < programme.rows; ++r) {
      const auto limit = static_cast<double>(std::max<std::int64_t>(programme.limits[r], 1));
      const double excess = (static_cast<double>(use[r]) - limit) / limit;
      prices[r] = std::max(0.0, prices[r] + pace * worth / limit * std::clamp(excess, -1.0, 1.0));
    }
    const double bound = relax(programme, prices).bound;
    if (bound <= highest) continue;
    highest = bound;
    best = prices;
  }
  return best;
}

struct State {
  double score = 0;
  double bound = 0;
  Costs costs{};
  std::uint32_t parent = 0;
  std::uint32_t item = 0;
};

void keep_promising(std::vector<State>& states, std::size_t most_states) {
  if (states.size() <= most_states) return;
  std::stable_sort(states.begin(), states.end(), [](const State& a, const State& b) { return a.bound < b.bound; });
  if (states.size() > 4 * most_states) states.resize(4 * most_states);
  std::stable_sort(states.begin(), states.end(), [](const State& a, const State& b) {
    return std::tie(a.score, a.costs) < std::tie(b.score, b.costs);
  });
  std::vector<State> kept;
  for (const State& state : states) {
    if (!std::ranges::any_of(kept, [&](const State& k) { return at_most(k.costs, state.costs); }))
      kept.push_back(state);
  }
  std::stable_sort(kept.begin(), kept.end(), [](const State& a, const State& b) { return a.bound < b.bound; });
  if (kept.size() > most_states) kept.resize(most_states);
  states = std::move(kept);
}

/// Units in the order that they are decided in, and what those from one on need and add at least.
struct Order {
  std::vector<std::size_t> units;
  std::vector<double> reduced;
  std::vector<Costs> costs;
};

Order make_order(const Programme& programme, const Prices& prices) {
  const std::size_t count = programme.items.size();
  std::vector<double> least(count, infinity);
  std::vector<double> lead(count, infinity);
  for (std::size_t u = 0; u < count; ++u) {
    std::vector<double> values;
    for (const Item& item : programme.items[u]) values.push_back(priced(item, prices));
    std::sort(values.begin(), values.end());
    least[u] = values.front();
    if (values.size() > 1) lead[u] = values[1] - values[0];
  }
  Order order{std::vector<std::size_t>(count), std::vector<double>(count + 1, 0), std::vector<Costs>(count + 1)};
  std::iota(order.units.begin(), order.units.end(), std::size_t{0});
  std::ranges::stable_sort(order.units, [&](std::size_t a, std::size_t b) { return lead[a] > lead[b]; });
  for (std::size_t k = count; k-- > 0;) {
    const std::vector<Item>& items = programme.items[order.units[k]];
    Costs fewest = items.front().costs;
    for (const Item& item : items) {
      for (std::size_t r = 0; r < most_rows; ++r) fewest[r] = std::min(fewest[r], item.costs[r]);
    }
    order.reduced[k] = order.reduced[k + 1] + least[order.units[k]];
    order.costs[k] = order.costs[k + 1] + fewest;
  }
  return order;
}

/// The best recipe with a score below `to_beat` that the states kept lead to: an item a unit, or none.
std::vector<std::uint32_t> search_states(const Programme& programme, const Prices& prices, const Order& order,
                                         double to_beat, std::size_t most_states) {
  const std::size_t count = programme.items.size();
  double priced_limits = 0;
  for (std::size_t r = 0; r < programme.rows; ++r) {
    priced_limits += prices[r] * static_cast<double>(programme.limits[r]);
  }
  std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> traces(count);
  std::vector<State> states{State{}};
  for (std::size_t k = 0; k < count; ++k) {
    const std::vector<Item>& items = programme.items[order.units[k]];
    // An item that costs more above its unit's least than there is to win is in no better recipe.
    std::vector<std::size_t> hopeful;
    for (std::size_t j = 0; j < items.size(); ++j) {
      const double above_least = priced(items[j], prices) - (order.reduced[k] - order.reduced[k + 1]);
      if (order.reduced[0] - priced_limits + above_least < to_beat) hopeful.push_back(j);
    }
    std::vector<State> next;
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (const std::size_t j : hopeful) {
        State state{states[i].score + items[j].score, 0, states[i].costs + items[j].costs,
                    static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j)};
        if (!at_most(state.costs + order.costs[k + 1], programme.limits)) continue;
        state.bound = state.score + order.reduced[k + 1] - priced_limits;
        for (std::size_t r = 0; r < programme.rows; ++r) {
          state.bound += prices[r] * static_cast<double>(state.costs[r]);
        }
        if (state.bound < to_beat) next.push_back(state);
      }
    }
    keep_promising(next, most_states);
    if (next.empty()) return {};
    for (const State& state : next) traces[k].emplace_back(state.parent, state.item);
    states = std::move(next);
  }
  const auto best = std::ranges::min_element(states, {}, &State::score);
  if (!(best->score < to_beat)) return {};
  std::vector<std::uint32_t> chosen(count);
  auto at = static_cast<std::uint32_t>(best - states.begin());
  for (std::size_t k = count; k-- > 0;) {
    chosen[order.units[k]] = traces[k][at].second;
    at = traces[k][at].first;
  }
  return chosen;
}

}  // namespace

std::optional<Recipe> allocate_rows(const SearchSpace& space, const Scores& scores, const Budget& budget,
                                    const std::optional<TrustRegion>& region) {
  std::optional<Recipe> best;
  double to_beat = infinity;
  const auto consider = [&](const Recipe& recipe) {
    if (recipe.empty() || !budget.fits(space, recipe) || !space.is_settled(recipe)) return;
    if (region && changes(recipe, region->reference) > region->max_changes) return;
    const double score = total_score(scores, recipe);
    if (!(score < to_beat)) return;
    to_beat = score;
    best = recipe;
  };
  consider(budget.fitting);
  if (region) consider(region->reference);
  const Programme programme = make_programme(space, scores, budget, region);
  for (const std::vector<Item>& items : programme.items) {
    if (items.empty()) return best;
  }
  const Prices prices = best_prices(programme);
  const Order order = make_order(programme, prices);
  for (const std::size_t most_states : passes) {  // the first, quick one gives the other something to beat
    const std::vector<std::uint32_t> chosen = search_states(programme, prices, order, to_beat, most_states);
    if (chosen.empty()) continue;
    Recipe recipe(space.sites.size());
    for (std::size_t u = 0; u < programme.units.size(); ++u) {
      const std::vector<std::uint8_t>& options = programme.items[u][chosen[u]].options;
      for (std::size_t i = 0; i < options.size(); ++i) recipe[programme.units[u][i]] = options[i];
    }
    consider(recipe);
  }
  ENSURE(!best || budget.fits(space, *best), "an allocation above the budget");
  return best;
}

}  // namespace pare::search
