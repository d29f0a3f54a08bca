// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/feasibility.hpp"

#include <limits>
#include <sstream>
#include <vector>

#include "kernels/core/contract.hpp"
#include "search/algorithm/integer_programme.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

using Row = std::optional<std::size_t>;  // a measure of the space, or nothing: bytes

std::int64_t cost_of(const SearchSpace& space, Row row, const Recipe& recipe) {
  return row ? space.cost(*row, recipe) : space.bytes(recipe);
}

std::string amount(const SearchSpace& space, Row row, std::int64_t value) {
  std::ostringstream text;
  text.precision(6);
  if (row && space.measures[*row].unit == "ps") {
    text << static_cast<double>(value) * 1e-12 << " s";
  } else {
    text << value << " bytes";
    if (!row) text << " (" << space.bits_per_weight(value) << " bits a weight)";
  }
  return text.str();
}

std::string name_of(const SearchSpace& space, Row row) {
  return row ? space.measures[*row].name : "bytes";
}

Scores costs_as_scores(const SearchSpace& space, Row row) {
  Scores scores;
  for (const SearchSite& site : space.sites) {
    std::vector<double>& line = scores.emplace_back();
    for (const SiteOption& option : site.options) {
      line.push_back(static_cast<double>(row ? option.costs[*row] : option.bytes));
    }
  }
  return scores;
}

/// The limited rows of a budget.
std::vector<Row> rows_of(const Budget& budget) {
  std::vector<Row> rows{std::nullopt};
  for (std::size_t m = 0; m < budget.limits.size(); ++m) {
    if (budget.limits[m] != Budget::unlimited) rows.emplace_back(m);
  }
  return rows;
}

std::int64_t limit_of(const Budget& budget, Row row) {
  return row ? budget.limits[*row] : budget.bytes;
}

void check_alone(const SearchSpace& space, const Budget& budget, Row row) {
  const std::int64_t cost = row ? cost_range(space, *row).first : space.smallest_bytes();
  VALIDATE(cost <= limit_of(budget, row), "budget ", limit_text(space, row, limit_of(budget, row)),
           " (no recipe fits), the smallest possible is ", amount(space, row, cost));
}

/// The recipe with the least of `a` within the limit of `b`.
Recipe check_pair(const SearchSpace& space, const Budget& budget, Row a, Row b) {
  const auto least_a = least_within(space, a, b, limit_of(budget, b));
  ENSURE(least_a.has_value(), "a limit that holds alone holds");
  const std::int64_t cost = cost_of(space, a, *least_a);
  if (cost <= limit_of(budget, a)) return *least_a;
  const auto least_b = least_within(space, b, a, limit_of(budget, a));
  const auto within = [&](Row limited, Row other, std::int64_t smallest) {
    return "within " + amount(space, limited, limit_of(budget, limited)) + " the smallest " + name_of(space, other) +
           " possible are " + amount(space, other, smallest) + ", " +
           amount(space, other, smallest - limit_of(budget, other)) + " too much";
  };
  throw InputError("budget: " + limit_text(space, a, limit_of(budget, a)) + " and " +
                   limit_text(space, b, limit_of(budget, b)) + " cannot hold together: " + within(b, a, cost) + "; " +
                   within(a, b, cost_of(space, b, *least_b)));
}

}  // namespace

std::string limit_text(const SearchSpace& space, std::optional<std::size_t> measure, std::int64_t limit) {
  std::ostringstream text;
  text.precision(6);
  text << name_of(space, measure) << ": ";
  if (measure && space.measures[*measure].unit == "ps") {
    text << static_cast<double>(limit) * 1e-12;
  } else {
    text << limit;
  }
  return text.str();
}

std::pair<std::int64_t, std::int64_t> cost_range(const SearchSpace& space, std::size_t measure) {
  SearchSpace priced = space;
  for (SearchSite& site : priced.sites) {
    for (SiteOption& option : site.options) option.bytes = option.costs[measure];
  }
  return {priced.smallest_bytes(), priced.largest_bytes()};
}

std::optional<Recipe> least_within(const SearchSpace& space, std::optional<std::size_t> cost,
                                   std::optional<std::size_t> limited, std::int64_t limit) {
  // With one limited row the programme is exact, and that row is the bytes of a space where they cost so much.
  SearchSpace priced = space;
  if (limited) {
    for (SearchSite& site : priced.sites) {
      for (SiteOption& option : site.options) option.bytes = option.costs[*limited];
    }
  }
  const std::int64_t most = std::min(limit, priced.largest_bytes());
  return allocate(priced, costs_as_scores(space, cost), most, std::nullopt,
                  {.exact_columns = std::numeric_limits<std::size_t>::max()});
}

Budget with_fitting_recipe(const SearchSpace& space, Budget budget) {
  budget.fitting.clear();
  if (!budget.has_more_rows()) return budget;
  const std::vector<Row> rows = rows_of(budget);
  for (const Row row : rows) check_alone(space, budget, row);
  std::vector<Recipe> candidates;
  for (std::size_t a = 1; a < rows.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) candidates.push_back(check_pair(space, budget, rows[a], rows[b]));
  }
  // With more than two rows a pair's answer may break a third; then each row in turn is made as small as possible
  // within the others, and what is still too much is paid site by site.
  for (const Row row : rows) {
    Budget others = budget;
    (row ? others.limits[*row] : others.bytes) = row ? Budget::unlimited : space.largest_bytes();
    for (const Recipe& candidate : candidates) {
      if (others.fits(space, candidate)) others.fitting = candidate;
    }
    if (const auto least = allocate(space, costs_as_scores(space, row), others)) candidates.push_back(*least);
  }
  for (const Recipe& candidate : candidates) {
    const std::optional<Recipe> repaired = repair(space, candidate, budget);
    if (!repaired) continue;
    budget.fitting = *repaired;
    return budget;
  }
  std::string all;
  for (const Row row : rows) all += (all.empty() ? "" : ", ") + limit_text(space, row, limit_of(budget, row));
  throw InputError("budget: no recipe was found that keeps all of " + all +
                   ", though each two of them can hold together; loosen one of them");
}

}  // namespace pare::search
