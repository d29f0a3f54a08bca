// SPDX-License-Identifier: Apache-2.0
#include "search/report/allocation_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace pare::search {
namespace {

constexpr std::size_t widest_line = 110;

struct Cost {
  std::int64_t bytes = 0;
  std::int64_t weights = 0;

  void add(const SearchSite& site, std::size_t option) {
    bytes += site.options[option].bytes;
    weights += site.weights;
  }
  std::string bits() const {
    return fmt::format("{:.2f}", 8.0 * static_cast<double>(bytes) / static_cast<double>(weights));
  }
};

/// Kinds in the order of their first appearance in the chain.
std::vector<std::string> kinds_of(const SearchSpace& space) {
  std::vector<std::string> kinds;
  for (const SearchSite& site : space.sites)
    if (std::find(kinds.begin(), kinds.end(), site.kind) == kinds.end()) kinds.push_back(site.kind);
  return kinds;
}

std::string cell_text(const std::set<std::string>& options) {
  return options.empty() ? "-" : fmt::format("{}", fmt::join(options, "/"));
}

/// Columns as wide as their widest cell, two blanks between them, nothing behind the last.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) text += fmt::format("  {:>{}}", row[c], widths[c]);
    text += '\n';
  }
  return text;
}

/// Options in use, and their names in the cells.
using Names = std::map<std::string, std::string>;

Names full_names(const SearchSpace& space, const Recipe& recipe) {
  Names names;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const std::string& name = space.sites[s].options[recipe[s]].name;
    names[name] = name;
  }
  return names;
}

/// A, B, ..., Z, AA, AB, ... in the order of the names.
Names letters(Names names) {
  int number = 0;
  for (auto& [name, letter] : names) {
    const int high = number / 26;
    letter = high > 0 ? std::string(1, static_cast<char>('A' + high - 1)) : "";
    letter += static_cast<char>('A' + number++ % 26);
  }
  return names;
}

std::string grid_of(const SearchSpace& space, const Recipe& recipe, const Names& names) {
  const std::vector<std::string> kinds = kinds_of(space);
  std::map<int, std::map<std::string, std::set<std::string>>> cells;
  std::map<int, Cost> layer_cost;
  std::map<std::string, Cost> kind_cost;
  Cost total;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const SearchSite& site = space.sites[s];
    cells[site.layer][site.kind].insert(names.at(site.options[recipe[s]].name));
    layer_cost[site.layer].add(site, recipe[s]);
    kind_cost[site.kind].add(site, recipe[s]);
    total.add(site, recipe[s]);
  }

  std::vector<std::vector<std::string>> rows{{"layer"}};
  rows[0].insert(rows[0].end(), kinds.begin(), kinds.end());
  rows[0].push_back("bits");
  for (auto& [layer, by_kind] : cells) {
    auto& row = rows.emplace_back(1, std::to_string(layer));
    for (const std::string& kind : kinds) row.push_back(cell_text(by_kind[kind]));
    row.push_back(layer_cost[layer].bits());
  }
  auto& last = rows.emplace_back(1, "bits");
  for (const std::string& kind : kinds) last.push_back(kind_cost[kind].bits());
  last.push_back(total.bits());
  return aligned(rows);
}

}  // namespace

std::string allocation_grid(const SearchSpace& space, const Recipe& recipe) {
  const Names names = full_names(space, recipe);
  std::string text = grid_of(space, recipe, names);
  if (text.find('\n') <= widest_line) return text;
  const Names short_names = letters(names);
  text = grid_of(space, recipe, short_names);
  for (const auto& [name, letter] : short_names) text += fmt::format("{:>7}  {}\n", letter, name);
  return text;
}

}  // namespace pare::search
