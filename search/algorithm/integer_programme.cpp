// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/integer_programme.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "kernels/core/contract.hpp"
#include "search/algorithm/lagrangian.hpp"
#include "search/algorithm/row_programme.hpp"

namespace pare::search {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A partial recipe over the first sites in order.
struct State {
  std::int64_t bytes;
  int changes;
  double score;
  std::uint32_t parent;  ///< its state before the last site
  std::uint32_t item;    ///< what it took there
};

/// How a state came to be; kept for every site, to read the recipe off the last state.
struct Trace {
  std::uint32_t parent;
  std::uint32_t item;
};

/// Drops every item that another one with no more bytes, changes and score dominates; of equals the first choice stays.
/// The others keep their order.
void keep_undominated(std::vector<KnapsackItem>& items) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {
    return std::tuple(items[i].bytes, items[i].score, items[i].changes, items[i].choice);
  };
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  std::vector<double> least;  // score so far with at most so many changes
  std::vector<bool> dominated(items.size(), false);
  for (const std::size_t i : order) {
    auto at = static_cast<std::size_t>(items[i].changes);
    if (at >= least.size()) least.resize(at + 1, least.empty() ? infinity : least.back());
    dominated[i] = least[at] <= items[i].score;
    for (; at < least.size() && least[at] > items[i].score; ++at) least[at] = items[i].score;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!dominated[i]) items[kept++] = items[i];
  }
  items.resize(kept);
}

/// A recipe problem as a knapsack whose "sites" are the units of the space.
class Instance {
 public:
  Instance(const SearchSpace& space, const Scores& scores, const Budget& budget,
           const std::optional<TrustRegion>& region)
      : space_(space), scores_(scores), units_(space.units()), smallest_(space.smallest_recipe()) {
    const std::size_t count = space.sites.size();
    if (region && region->max_changes < count) reference_ = &region->reference;
    knapsack_.budget = budget.bytes;
    knapsack_.max_changes = static_cast<std::int64_t>(reference_ != nullptr ? region->max_changes : count);
    for (const Unit& unit : units_) add(unit);
  }

  const Knapsack& knapsack() const { return knapsack_; }

  /// items: one a unit.
  Recipe recipe(const std::vector<std::uint32_t>& items) const {
    Recipe recipe(space_.sites.size());
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const std::vector<std::uint8_t>& chosen = choices_[u][knapsack_.sites[u][items[u]].choice];
      for (std::size_t i = 0; i < chosen.size(); ++i) recipe[units_[u][i]] = chosen[i];
    }
    return recipe;
  }

 private:
  /// Every choice of a unit that is not dominated: for each of its forms, the sites' options multiplied out, one site
  /// after the other.
  void add(const Unit& unit) {
    std::vector<KnapsackItem> all;
    std::vector<std::vector<std::uint8_t>>& choices = choices_.emplace_back();
    for (const std::string& form : space_.forms(unit)) {
      std::vector<KnapsackItem> partial{{static_cast<std::uint32_t>(choices.size()), 0, 0, 0}};
      choices.emplace_back();
      for (const std::size_t s : unit) partial = extended(partial, s, form, choices);
      all.insert(all.end(), partial.begin(), partial.end());
    }
    keep_undominated(all);
    double least = infinity;
    for (const KnapsackItem& item : all) least = std::min(least, item.score);
    std::int64_t smallest = 0;
    for (const std::size_t s : unit) smallest += space_.sites[s].options[smallest_[s]].bytes;
    for (KnapsackItem& item : all) {
      item.score -= least;
      item.bytes -= smallest;
    }
    knapsack_.budget -= smallest;
    knapsack_.sites.push_back(std::move(all));
  }

  std::vector<KnapsackItem> extended(const std::vector<KnapsackItem>& partial, std::size_t s, const std::string& form,
                                     std::vector<std::vector<std::uint8_t>>& choices) const {
    const std::vector<SiteOption>& options = space_.sites[s].options;
    EXPECT(scores_[s].size() == options.size(), scores_[s].size(), " scores at ", space_.sites[s].name);
    std::vector<KnapsackItem> items;
    for (const KnapsackItem& item : partial) {
      for (std::size_t o = 0; o < options.size(); ++o) {
        EXPECT(!std::isnan(scores_[s][o]), "a score at ", space_.sites[s].name, " is not a number");
        if (std::isinf(scores_[s][o]) || options[o].form != form) continue;
        const int changes = reference_ != nullptr && (*reference_)[s] != o ? 1 : 0;
        items.push_back({static_cast<std::uint32_t>(choices.size()), item.score + scores_[s][o],
                         item.bytes + options[o].bytes, item.changes + changes});
        choices.push_back(choices[item.choice]);
        choices.back().push_back(static_cast<std::uint8_t>(o));
      }
    }
    keep_undominated(items);
    return items;
  }

  const SearchSpace& space_;
  const Scores& scores_;
  std::vector<Unit> units_;
  Recipe smallest_;
  const Recipe* reference_ = nullptr;  ///< only where the changes are bounded
  Knapsack knapsack_;
  std::vector<std::vector<std::vector<std::uint8_t>>> choices_;  ///< by unit, then KnapsackItem::choice
};

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
  std::vector<std::uint32_t> items;  ///< one a site; empty: none was found
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
                          static_cast<std::uint32_t>(j)};
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
  Answer answer{states[best].score, std::vector<std::uint32_t>(count)};
  auto at = static_cast<std::uint32_t>(best);
  for (std::size_t k = count; k-- > 0;) {
    const Trace trace = traces[k][at];
    answer.items[order.sites[k]] = trace.item;
    at = trace.parent;
  }
  return answer;
}

}  // namespace

std::optional<Recipe> allocate(const SearchSpace& space, const Scores& scores, const Budget& budget,
                               const std::optional<TrustRegion>& region, const IntegerProgrammeOptions& options) {
  EXPECT(scores.size() == space.sites.size(), scores.size(), " sites have scores of ", space.sites.size());
  EXPECT(!region || region->reference.size() == space.sites.size(), "a reference of another space");
  if (budget.has_more_rows()) return allocate_rows(space, scores, budget, region);
  const Instance instance(space, scores, budget, region);
  const Knapsack& knapsack = instance.knapsack();
  std::size_t columns = 0;
  for (const std::vector<KnapsackItem>& site : knapsack.sites) {
    if (site.empty()) return std::nullopt;
    columns += site.size();
  }
  const Multipliers price = best_multipliers(knapsack);
  const Order order = make_order(knapsack, price);
  const double gap = columns <= options.exact_columns ? 0 : options.relative_gap;
  Answer best;
  for (std::size_t most = 64; best.items.empty() && most <= options.most_states; most *= 8) {
    best = pass(knapsack, price, order, infinity, 0, most);
  }
  const Answer better = pass(knapsack, price, order, best.score, best.items.empty() ? 0 : gap, options.most_states);
  if (better.score < best.score) best = better;
  if (best.items.empty()) return std::nullopt;
  Recipe recipe = instance.recipe(best.items);
  ENSURE(budget.fits(space, recipe), "an allocation above the budget");
  return recipe;
}

}  // namespace pare::search
