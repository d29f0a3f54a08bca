// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/nsga2.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

bool dominates(const Objectives& a, const Objectives& b) {
  return a.kl <= b.kl && a.bytes <= b.bytes && (a.kl < b.kl || a.bytes < b.bytes);
}

template <class Value>
void add_sides(const std::vector<Objectives>& points, std::vector<std::size_t> front, Value&& value,
               std::vector<double>& distances) {
  std::stable_sort(front.begin(), front.end(),
                   [&](std::size_t a, std::size_t b) { return value(points[a]) < value(points[b]); });
  distances[front.front()] = distances[front.back()] = std::numeric_limits<double>::infinity();
  const double extent = value(points[front.back()]) - value(points[front.front()]);
  if (!(extent > 0)) return;
  for (std::size_t i = 1; i + 1 < front.size(); ++i) {
    distances[front[i]] += (value(points[front[i + 1]]) - value(points[front[i - 1]])) / extent;
  }
}

}  // namespace

std::vector<std::size_t> non_dominated_ranks(const std::vector<Objectives>& points) {
  std::vector<std::vector<std::size_t>> dominated(points.size());
  std::vector<std::size_t> dominators(points.size(), 0);
  std::vector<std::size_t> ranks(points.size(), 0);
  std::vector<std::size_t> front;
  for (std::size_t a = 0; a < points.size(); ++a) {
    for (std::size_t b = 0; b < points.size(); ++b) {
      if (dominates(points[a], points[b])) dominated[a].push_back(b);
      if (dominates(points[b], points[a])) ++dominators[a];
    }
    if (dominators[a] == 0) front.push_back(a);
  }
  for (std::size_t rank = 0; !front.empty(); ++rank) {
    std::vector<std::size_t> next;
    for (const std::size_t a : front) {
      ranks[a] = rank;
      for (const std::size_t b : dominated[a]) {
        if (--dominators[b] == 0) next.push_back(b);
      }
    }
    front = std::move(next);
  }
  return ranks;
}

std::vector<double> crowding_distances(const std::vector<Objectives>& points, const std::vector<std::size_t>& ranks) {
  std::vector<double> distances(points.size(), 0);
  for (std::size_t rank = 0;; ++rank) {
    std::vector<std::size_t> front;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (ranks[i] == rank) front.push_back(i);
    }
    if (front.empty()) return distances;
    add_sides(
        points, front, [](const Objectives& each) { return each.kl; }, distances);
    add_sides(
        points, front, [](const Objectives& each) { return static_cast<double>(each.bytes); }, distances);
  }
}

Nsga2::Nsga2(const SearchProblem& problem, const Nsga2Settings& settings)
    : ProceduralAlgorithm(problem, default_tokens(problem)), settings_(settings) {
  const auto range = static_cast<double>(problem.budget.bytes - space().smallest_bytes());
  least_bytes_ = problem.budget.bytes - static_cast<std::int64_t>(settings.front_share * range);
  const std::vector<Recipe> uniforms = fitting_uniforms(space(), problem.budget);
  answer_ = uniforms.empty() ? problem.budget.cheapest(space()) : uniforms.front();
}

Procedure Nsga2::run() {
  hold_back_for_confirmation();
  const std::int64_t generations = settings_.generations;
  const auto smallest = static_cast<std::int64_t>(settings_.least_population);
  const auto largest = static_cast<std::int64_t>(settings_.population);
  windows_ = trial_windows(std::max<std::int64_t>(1, smallest_rung(problem().windows) / 4), smallest * generations,
                           largest * generations);
  const auto size = static_cast<std::size_t>(std::clamp(affordable(windows_) / generations, smallest, largest));
  population_ = first_population(size);
  co_await measure(population_, 0, windows_);
  select(size);
  while (!exhausted() && !population_.empty()) {
    const std::vector<Recipe> children = make_children();
    if (children.empty()) break;
    co_await measure(children, 0, windows_);
    population_.insert(population_.end(), children.begin(), children.end());
    select(size);
    ++generation_;
  }
  co_await confirm(windows_, answer_);
}

std::vector<Recipe> Nsga2::first_population(std::size_t size) {
  std::vector<Recipe> population = fitting_uniforms(space(), problem().budget);
  if (population.size() > size) population.resize(size);
  std::set<Recipe> seen(population.begin(), population.end());
  const std::size_t missing = size - population.size();
  for (std::size_t draw = 0; draw < missing; ++draw) {
    DecisionRandom random = next_decision();
    const double share = static_cast<double>(missing - draw) / static_cast<double>(missing);
    const auto spread = static_cast<std::int64_t>(share * static_cast<double>(problem().budget.bytes - least_bytes_));
    Recipe recipe = random_recipe(space(), least_bytes_ + spread, random);
    if (seen.insert(recipe).second) population.push_back(std::move(recipe));
  }
  return population;
}

void Nsga2::select(std::size_t size) {
  std::erase_if(population_,
                [&](const Recipe& each) { return !archive().knows(each, 0, windows_) || archive().failed(each); });
  std::vector<Objectives> points;
  for (const Recipe& each : population_) {
    points.push_back({archive().mean(each, 0, windows_).mean, std::max(space().bytes(each), least_bytes_)});
  }
  const std::vector<std::size_t> ranks = non_dominated_ranks(points);
  const std::vector<double> distances = crowding_distances(points, ranks);
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : distances[a] > distances[b];
  });
  if (order.size() > size) order.resize(size);
  std::vector<Recipe> kept;
  std::vector<Objectives> kept_points;
  for (const std::size_t i : order) {
    kept.push_back(population_[i]);
    kept_points.push_back(points[i]);
  }
  population_ = std::move(kept);
  ranks_ = non_dominated_ranks(kept_points);
  distances_ = crowding_distances(kept_points, ranks_);
  const std::vector<Recipe> best = archive().best(1, 0, windows_, [&](const Recipe& each) { return fits(each); });
  if (!best.empty()) answer_ = best.front();
}

Recipe Nsga2::vary(const Recipe& mother, const Recipe& father, DecisionRandom& random) const {
  Recipe child = mother;
  const bool crossed = random.uniform() < settings_.crossover;
  std::uint32_t choosable = 0;
  for (std::size_t s = 0; s < child.size(); ++s) {
    if (crossed && random.below(2) == 1) child[s] = father[s];
    choosable += space().sites[s].options.size() > 1 ? 1 : 0;
  }
  for (std::size_t s = 0; s < child.size(); ++s) {
    const auto options = static_cast<std::uint32_t>(space().sites[s].options.size());
    if (options < 2 || random.below(choosable) != 0) continue;
    child[s] = static_cast<std::uint8_t>((child[s] + 1 + random.below(options - 1)) % options);
  }
  return child;
}

std::vector<Recipe> Nsga2::make_children() {
  DecisionRandom random = next_decision();
  const auto tournament = [&]() -> const Recipe& {
    const std::size_t a = random.below(static_cast<std::uint32_t>(population_.size()));
    const std::size_t b = random.below(static_cast<std::uint32_t>(population_.size()));
    if (ranks_[a] != ranks_[b]) return population_[ranks_[a] < ranks_[b] ? a : b];
    return population_[distances_[a] >= distances_[b] ? a : b];
  };
  std::set<Recipe> seen;
  std::vector<Recipe> children;
  const std::size_t size = population_.size();
  for (std::size_t attempt = 0; attempt < 100 * size && children.size() < size; ++attempt) {
    const Recipe& mother = tournament();
    const Recipe& father = tournament();
    std::optional<Recipe> child = repair(space(), settle(space(), vary(mother, father, random)), problem().budget);
    if (!child || archive().knows(*child, 0, windows_)) continue;
    if (seen.insert(*child).second) children.push_back(std::move(*child));
  }
  return children;
}

std::vector<Finalist> Nsga2::finalists() const {
  return {{"nsga2", answer_}};
}

std::string Nsga2::status() const {
  return "nsga2: generation " + std::to_string(generation_) + ", population " + std::to_string(population_.size()) +
         ", " + std::to_string(tokens_asked()) + " of " + std::to_string(token_limit()) + " tokens";
}

}  // namespace pare::search
