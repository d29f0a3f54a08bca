// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/proposals.hpp"

#include <optional>
#include <set>

#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// Keeps the order of first mention.
class Pool {
 public:
  explicit Pool(const Recipe& point) : seen_{point} {}

  void add(const std::optional<Recipe>& recipe) {
    if (recipe && seen_.insert(*recipe).second) recipes_.push_back(*recipe);
  }
  std::vector<Recipe> take() { return std::move(recipes_); }

 private:
  std::set<Recipe> seen_;
  std::vector<Recipe> recipes_;
};

}  // namespace

std::vector<Recipe> steps(const SearchSpace& space, const LossModel& model, const Budget& budget, std::size_t radius,
                          int draws, DecisionRandom& random) {
  Pool pool(model.point());
  const Scores mean = model.mean();
  for (std::size_t r = radius; r >= 2; r /= 2) {
    pool.add(allocate(space, mean, budget, TrustRegion{model.point(), r}));
  }
  const auto sites = static_cast<int>(space.sites.size());
  for (int i = 0; i < draws; ++i) {
    const auto r = static_cast<std::size_t>(random.between(std::min(2, sites), sites));
    pool.add(allocate(space, model.draw(random), budget, TrustRegion{model.point(), r}));
  }
  return pool.take();
}

std::vector<Recipe> refinements(const SearchSpace& space, const LossModel& model, const Budget& budget,
                                const std::vector<Recipe>& parents, int draws, DecisionRandom& random) {
  Pool pool(model.point());
  for (int i = 0; i < draws; ++i) {
    const auto r = static_cast<std::size_t>(random.between(2, 6));
    pool.add(allocate(space, model.draw(random), budget, TrustRegion{model.point(), r}));
  }
  for (int i = 0; i < draws / 4; ++i) {
    const SearchSite& site = space.sites[random.below(static_cast<std::uint32_t>(space.sites.size()))];
    pool.add(raise_kind(space, model.point(), budget, site.kind, random));
    pool.add(raise_layer(space, model.point(), budget, site.layer, random));
    if (parents.empty()) continue;
    const Recipe& parent = parents[random.below(static_cast<std::uint32_t>(parents.size()))];
    pool.add(cross(space, model.point(), parent, budget, random));
  }
  return pool.take();
}

}  // namespace pare::search
