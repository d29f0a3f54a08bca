// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/integer_programme.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/core/contract.hpp"
#include "search/algorithm/lagrangian.hpp"

namespace pare::search {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A partial recipe over the first sites in order.
struct State {
  std::int64_t bytes;
  int changes;
  double score;
  std::uint32_t parent;  ///< its state before the last site
  std::uint8_t item;     ///< what it took there
};

/// How a state came to be; kept for every site, to read the recipe off the last state.
struct Trace {
  std::uint32_t parent;
  std::uint8_t item;
};

bool dominates(const KnapsackItem& a, const KnapsackItem& b) {
  if (a.score > b.score || a.bytes > b.bytes || a.changes > b.changes) return false;
  return a.score < b.score || a.bytes < b.bytes || a.changes < b.changes || a.option < b.option;
}

Knapsack make_knapsack(const SearchSpace& space, const Scores& scores, std::int64_t budget_bytes,
                       const std::optional<TrustRegion>& region) {
  const std::size_t count = space.sites.size();
  const bool bounded = region && region->max_changes < count;
  Knapsack knapsack;
  knapsack.budget = budget_bytes - space.smallest_bytes();
  knapsack.max_changes = static_cast<std::int64_t>(bounded ? region->max_changes : count);
  for (std::size_t s = 0; s < count; ++s) {
    const std::vector<SiteOption>& options = space.sites[s].options;
    EXPECT(scores[s].size() == options.size(), scores[s].size(), " scores at ", space.sites[s].name);
    const double least = *std::min_element(scores[s].begin(), scores[s].end());
    std::vector<KnapsackItem> items;
    for (std::size_t o = 0; o < options.size(); ++o) {
      EXPECT(!std::isnan(scores[s][o]), "a score at ", space.sites[s].name, " is not a number");
      if (std::isinf(scores[s][o])) continue;
      const int changes = bounded && region->reference[s] != o ? 1 : 0;
      items.push_back(
          {static_cast<std::uint8_t>(o), scores[s][o] - least, options[o].bytes - options.front().bytes, changes});
    }
    std::vector<KnapsackItem>& kept = knapsack.sites.emplace_back();
    for (const KnapsackItem& item : items) {
      const auto dominated = [&](const KnapsackItem& other) { return dominates(other, item); };
      if (std::none_of(items.begin(), items.end(), dominated)) kept.push_back(item);
    }
  }
  return knapsack;
}

/// Sites in order, and what those from one on need and add at least.
struct Order {
  std::vector<std::size_t> sites;
  std::vector<double> reduced;
  std::vector<std::int64_t> bytes;
  std::vector<int> changes;
};

/// The sites whose best choice is clearest come first, so that the number of states grows late.
Order make_order(const Knapsack& knapsack, const Multipliers& price) {
  const std::size_t count = knapsack.sites.size();
  std::vector<double> least(count, infinity);
  std::vector<double> lead(count, infinity);
  for (std::size_t s = 0; s < count; ++s) {
    double second = infinity;
    for (const KnapsackItem& item : knapsack.sites[s]) {
      const double reduced = reduced_score(item, price);
      second = std::min(second, std::max(reduced, least[s]));
      least[s] = std::min(least[s], reduced);
    }
    if (second < infinity) lead[s] = second - least[s];
  }
  Order order;
  order.sites.resize(count);
  std::iota(order.sites.begin(), order.sites.end(), std::size_t{0});
  std::stable_sort(order.sites.begin(), order.sites.end(),
                   [&](std::size_t a, std::size_t b) { return lead[a] > lead[b]; });
  order.reduced.assign(count + 1, 0);
  order.bytes.assign(count + 1, 0);
  order.changes.assign(count + 1, 0);
  for (std::size_t k = count; k-- > 0;) {
    const std::vector<KnapsackItem>& items = knapsack.sites[order.sites[k]];
    std::int64_t bytes = items.front().bytes;
    int changes = items.front().changes;
    for (const KnapsackItem& item : items) {
      bytes = std::min(bytes, item.bytes);
      changes = std::min(changes, item.changes);
    }
    order.reduced[k] = order.reduced[k + 1] + least[order.sites[k]];
    order.bytes[k] = order.bytes[k + 1] + bytes;
    order.changes[k] = order.changes[k + 1] + changes;
  }
  return order;
}

/// Drops every state that another one dominates. Sorted by bytes, a state falls to any earlier one with no
/// more changes and no larger score.
void keep_undominated(std::vector<State>& states, std::int64_t max_changes) {
  std::sort(states.begin(), states.end(), [](const State& a, const State& b) {
    if (a.bytes != b.bytes) return a.bytes < b.bytes;
    if (a.score != b.score) return a.score < b.score;
    if (a.changes != b.changes) return a.changes < b.changes;
    return a.parent != b.parent ? a.parent < b.parent : a.item < b.item;
  });
  std::vector<double> least(static_cast<std::size_t>(max_changes) + 1,
                            infinity);  // with at most so many changes
  std::erase_if(states, [&](const State& state) {
    auto at = static_cast<std::size_t>(state.changes);
    if (least[at] <= state.score) return true;
    for (; at < least.size() && least[at] > state.score; ++at) least[at] = state.score;
    return false;
  });
}

struct Answer {
  double score = infinity;
  Recipe recipe;
};

/// One pass of the dynamic programme: the best recipe with a score below `to_beat`, if the states kept
/// contain one.
Answer pass(const Knapsack& knapsack, const Multipliers& price, const Order& order, double to_beat, double gap,
            std::size_t most_states) {
  const std::size_t count = knapsack.sites.size();
  const double limit = gap > 0 ? to_beat * (1 - gap) : to_beat;
  std::vector<std::vector<Trace>> traces(count);
  std::vector<State> states{{0, 0, 0.0, 0, 0}};
  for (std::size_t k = 0; k < count; ++k) {
    const std::vector<KnapsackItem>& items = knapsack.sites[order.sites[k]];
    const auto bound = [&](const State& state) {
      return state.score + order.reduced[k + 1] + price.byte * static_cast<double>(state.bytes - knapsack.budget) +
             price.change * static_cast<double>(state.changes - knapsack.max_changes);
    };
    std::vector<State> next;
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (std::size_t j = 0; j < items.size(); ++j) {
        const State state{states[i].bytes + items[j].bytes, states[i].changes + items[j].changes,
                          states[i].score + items[j].score, static_cast<std::uint32_t>(i),
                          static_cast<std::uint8_t>(j)};
        if (state.bytes + order.bytes[k + 1] > knapsack.budget) continue;
        if (state.changes + order.changes[k + 1] > knapsack.max_changes) continue;
        if (bound(state) < limit) next.push_back(state);
      }
    }
    keep_undominated(next, knapsack.max_changes);
    if (next.size() > most_states) {
      std::stable_sort(next.begin(), next.end(), [&](const State& a, const State& b) { return bound(a) < bound(b); });
      next.resize(most_states);
    }
    if (next.empty()) return {};
    for (const State& state : next) traces[k].push_back({state.parent, state.item});
    states = std::move(next);
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < states.size(); ++i) {
    if (states[i].score < states[best].score) best = i;
  }
  Answer answer{states[best].score, Recipe(count)};
  auto at = static_cast<std::uint32_t>(best);
  for (std::size_t k = count; k-- > 0;) {
    const Trace trace = traces[k][at];
    answer.recipe[order.sites[k]] = knapsack.sites[order.sites[k]][trace.item].option;
    at = trace.parent;
  }
  return answer;
}

}  // namespace

std::optional<Recipe> allocate(const SearchSpace& space, const Scores& scores, std::int64_t budget_bytes,
                               const std::optional<TrustRegion>& region, const IntegerProgrammeOptions& options) {
  EXPECT(scores.size() == space.sites.size(), scores.size(), " sites have scores of ", space.sites.size());
  EXPECT(!region || region->reference.size() == space.sites.size(), "a reference of another space");
  const Knapsack knapsack = make_knapsack(space, scores, budget_bytes, region);
  std::size_t columns = 0;
  for (const std::vector<KnapsackItem>& site : knapsack.sites) {
    if (site.empty()) return std::nullopt;
    columns += site.size();
  }
  const Multipliers price = best_multipliers(knapsack);
  const Order order = make_order(knapsack, price);
  const double gap = columns <= options.exact_columns ? 0 : options.relative_gap;
  Answer best;
  for (std::size_t most = 64; best.recipe.empty() && most <= options.most_states; most *= 8) {
    best = pass(knapsack, price, order, infinity, 0, most);
  }
  const Answer better = pass(knapsack, price, order, best.score, best.recipe.empty() ? 0 : gap, options.most_states);
  if (better.score < best.score) best = better;
  if (best.recipe.empty()) return std::nullopt;
  ENSURE(space.bytes(best.recipe) <= budget_bytes, "an allocation above the budget");
  return best.recipe;
}

double total_score(const Scores& scores, const Recipe& recipe) {
  double sum = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) sum += scores[s][recipe[s]];
  return sum;
}

}  // namespace pare::search
