// SPDX-License-Identifier: Apache-2.0
#include "search/store/evaluation_cache.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr double no_items = std::numeric_limits<double>::quiet_NaN();

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

std::size_t EvaluationCache::RecipeHash::operator()(const Recipe& recipe) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(recipe.data()), recipe.size()});
}

EvaluationCache::Values::const_iterator EvaluationCache::first_at(const Values& values, std::int64_t window) {
  return std::lower_bound(values.begin(), values.end(), window,
                          [](const Value& value, std::int64_t wanted) { return value.window < wanted; });
}

const EvaluationCache::Values& EvaluationCache::find(const EvaluationRequest& request) const {
  static const Values nothing;
  const auto entry = entries_.find(request.recipe);
  return entry == entries_.end() ? nothing : entry->second.values[static_cast<std::size_t>(request.set)];
}

void EvaluationCache::add(const Result& result) {
  EXPECT(result.kl.size() == result.nll.size(), result.kl.size(), " kl and ", result.nll.size(), " nll values");
  const auto set = static_cast<std::size_t>(result.set);
  Entry& entry = entries_[result.recipe];
  Values& values = entry.values[set];
  for (std::size_t i = 0; i < result.kl.size(); ++i) {
    const Value value{result.begin + static_cast<std::int64_t>(i), result.kl[i], result.nll[i],
                      result.wrong.empty() ? no_items : result.wrong[i]};
    const auto place = first_at(values, value.window);
    if (place == values.end() || place->window != value.window) {
      values.insert(place, value);
      ++windows_[set];
      if (result.reused) {
        ++entry.reused[set];
        ++reused_[set];
      }
    } else if (!same_bits(place->kl, value.kl) || !same_bits(place->nll, value.nll) ||
               !same_bits(place->wrong, value.wrong)) {
      throw InternalError(pare::detail::concatenate(
          result.set == WindowSet::search ? "search" : "held-out", " window ", value.window,
          " was evaluated twice for one recipe with different results: kl ", place->kl, " and ", value.kl, ", nll ",
          place->nll, " and ", value.nll, "; a worker is faulty or runs another build"));
    }
  }
}

std::int64_t EvaluationCache::windows(const Recipe& recipe, WindowSet set) const {
  const auto entry = entries_.find(recipe);
  return entry == entries_.end() ? 0 : std::ssize(entry->second.values[static_cast<std::size_t>(set)]);
}

std::int64_t EvaluationCache::reused_windows(const Recipe& recipe, WindowSet set) const {
  const auto entry = entries_.find(recipe);
  return entry == entries_.end() ? 0 : entry->second.reused[static_cast<std::size_t>(set)];
}

std::vector<WindowRange> EvaluationCache::missing(const EvaluationRequest& request) const {
  const Values& values = find(request);
  std::vector<WindowRange> ranges;
  std::int64_t next = request.begin;
  const std::int64_t end = request.begin + request.count;
  for (auto value = first_at(values, next); value != values.end() && value->window < end; ++value) {
    if (value->window > next) ranges.push_back({next, value->window - next});
    next = value->window + 1;
  }
  if (next < end) ranges.push_back({next, end - next});
  return ranges;
}

std::optional<Trial> EvaluationCache::lookup(const EvaluationRequest& request) const {
  if (!missing(request).empty()) return std::nullopt;
  Trial trial;
  trial.request = request;
  const Values& values = find(request);
  for (auto value = first_at(values, request.begin); std::ssize(trial.kl) < request.count; ++value) {
    trial.kl.push_back(value->kl);
    trial.nll.push_back(value->nll);
    if (!std::isnan(value->wrong)) trial.wrong.push_back(value->wrong);
  }
  return trial;
}

}  // namespace pare::search
