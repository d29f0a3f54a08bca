// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/group_survey.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// Fits settle within a percent after a few rounds; the measured losses are not known as well as that.
constexpr int fitting_rounds = 20;

/// What noise may make of a loss: nothing is lost, but its factor stays above zero.
constexpr double least_loss = 1e-6;

struct Group {
  std::vector<std::size_t> sites;
  Recipe swap;
};

std::vector<Group> groups_of(const SearchSpace& space, const Recipe& full, const Recipe& local) {
  std::map<std::string, std::vector<std::size_t>> kinds;
  std::map<int, std::vector<std::size_t>> layers;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    kinds[space.sites[s].kind].push_back(s);
    layers[space.sites[s].layer].push_back(s);
  }
  std::vector<Group> groups;
  const auto add = [&](const std::vector<std::size_t>& sites) {
    Group group{sites, full};
    for (const std::size_t s : sites) {
      group.swap[s] = nearest_of_form(space.sites[s], local[s], space.sites[s].options[full[s]].form);
    }
    if (group.swap != full) groups.push_back(std::move(group));
  };
  for (const auto& [kind, sites] : kinds) add(sites);
  for (const auto& [layer, sites] : layers) add(sites);
  return groups;
}

}  // namespace

std::vector<Recipe> group_swaps(const SearchSpace& space, const Recipe& full, const Recipe& local) {
  std::vector<Recipe> swaps;
  for (Group& group : groups_of(space, full, local)) swaps.push_back(std::move(group.swap));
  return swaps;
}

Scores group_shape(const SearchSpace& space, const Archive& archive, const Recipe& full, const Recipe& local) {
  Scores shape = local_scores(space);
  const std::vector<Group> groups = groups_of(space, full, local);
  for (int round = 0; round < fitting_rounds; ++round) {
    for (const Group& group : groups) {
      const PairedComparison seen = archive.compare(group.swap, full);
      const double fitted = total_score(shape, group.swap) - total_score(shape, full);
      if (seen.windows == 0 || !(fitted > 0)) continue;
      const double factor = std::max(least_loss, seen.difference.mean) / fitted;
      for (const std::size_t s : group.sites) {
        for (double& loss : shape[s]) loss *= factor;
      }
    }
  }
  return shape;
}

}  // namespace pare::search
