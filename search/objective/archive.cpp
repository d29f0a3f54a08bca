// SPDX-License-Identifier: Apache-2.0
#include "search/objective/archive.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {

Archive::Archive(std::int64_t windows, WindowLoss loss) : windows_(windows), loss_(std::move(loss)) {
  EXPECT(windows > 0, "an archive of ", windows, " windows");
}

void Archive::add(const Trial& trial) {
  const EvaluationRequest& request = trial.request;
  EXPECT(request.set == WindowSet::search, "only search windows are kept");
  EXPECT(request.begin >= 0 && request.count >= 0 && request.begin + request.count <= windows_, "windows ",
         request.begin, " + ", request.count, " of ", windows_);
  const std::vector<double> values = loss_.values(trial);
  EXPECT(static_cast<std::int64_t>(values.size()) == request.count, values.size(), " values for ", request.count,
         " windows");
  const auto [found, is_new] = index_.try_emplace(request.recipe, entries_.size());
  if (is_new) {
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    entries_.push_back({request.recipe, std::vector<double>(static_cast<std::size_t>(windows_), unknown), false});
  }
  Entry& entry = entries_[found->second];
  std::copy(values.begin(), values.end(), entry.values.begin() + request.begin);
  entry.failed = entry.failed || std::any_of(values.begin(), values.end(), [](double x) { return std::isinf(x); });
}

const Archive::Entry* Archive::find(const Recipe& recipe) const {
  const auto found = index_.find(recipe);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

bool Archive::knows(const Recipe& recipe, std::int64_t begin, std::int64_t count) const {
  const Entry* entry = find(recipe);
  if (entry == nullptr) return count == 0;
  return std::none_of(entry->values.begin() + begin, entry->values.begin() + begin + count,
                      [](double value) { return std::isnan(value); });
}

std::vector<EvaluationRequest> Archive::missing(const Recipe& recipe, std::int64_t begin, std::int64_t count) const {
  const Entry* entry = find(recipe);
  if (entry == nullptr) return {{recipe, WindowSet::search, begin, count}};
  std::vector<EvaluationRequest> requests;
  for (std::int64_t w = begin; w < begin + count; ++w) {
    if (!std::isnan(entry->values[static_cast<std::size_t>(w)])) continue;
    if (!requests.empty() && requests.back().begin + requests.back().count == w) {
      ++requests.back().count;
    } else {
      requests.push_back({recipe, WindowSet::search, w, 1});
    }
  }
  return requests;
}

bool Archive::failed(const Recipe& recipe) const {
  const Entry* entry = find(recipe);
  return entry != nullptr && entry->failed;
}

std::int64_t Archive::known_from_start(const Recipe& recipe) const {
  const Entry* entry = find(recipe);
  if (entry == nullptr) return 0;
  const auto gap =
      std::find_if(entry->values.begin(), entry->values.end(), [](double value) { return std::isnan(value); });
  return gap - entry->values.begin();
}

std::span<const double> Archive::values(const Recipe& recipe, std::int64_t begin, std::int64_t count) const {
  EXPECT(knows(recipe, begin, count), "windows ", begin, " + ", count, " are not all known");
  if (count == 0) return {};
  return std::span(find(recipe)->values).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
}

Estimate Archive::mean(const Recipe& recipe, std::int64_t begin, std::int64_t count) const {
  return loss_.mean(values(recipe, begin, count), begin);
}

Estimate Archive::mean_known(const Recipe& recipe) const {
  const Entry* entry = find(recipe);
  if (entry == nullptr) return {};
  return loss_.mean(entry->values, 0);
}

PairedComparison Archive::compare(const Recipe& a, const Recipe& b) const {
  const Entry* entry_a = find(a);
  const Entry* entry_b = find(b);
  if (entry_a == nullptr || entry_b == nullptr || entry_a->failed || entry_b->failed) return {};
  return loss_.compare(entry_a->values, entry_b->values, 0);
}

PairedComparison Archive::compare(const Recipe& a, const Recipe& b, std::int64_t begin, std::int64_t count) const {
  const double infinity = std::numeric_limits<double>::infinity();
  if (failed(a) && failed(b)) return {{0, 0}, 0.5, count};
  if (failed(a)) return {{infinity, 0}, 0, count};
  if (failed(b)) return {{-infinity, 0}, 1, count};
  return loss_.compare(values(a, begin, count), values(b, begin, count), begin);
}

std::vector<Recipe> Archive::best(std::size_t most, std::int64_t begin, std::int64_t count,
                                  const std::function<bool(const Recipe&)>& admitted) const {
  struct Ranked {
    double mean;
    const Recipe* recipe;
  };
  std::vector<Ranked> ranked;
  for (const Entry& entry : entries_) {
    if (entry.failed || !knows(entry.recipe, begin, count) || !admitted(entry.recipe)) continue;
    ranked.push_back({mean(entry.recipe, begin, count).mean, &entry.recipe});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.mean < b.mean; });
  std::vector<Recipe> recipes;
  for (std::size_t i = 0; i < std::min(most, ranked.size()); ++i) recipes.push_back(*ranked[i].recipe);
  return recipes;
}

}  // namespace pare::search
