// SPDX-License-Identifier: Apache-2.0
#include "search/objective/objective.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

std::size_t position(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  EXPECT(found != names.end(), name);
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::string loss_name(const Objective& objective) {
  if (objective.metric == Metric::accuracy)
    return objective.combine == Combine::mean ? "share of wrong answers" : "share of wrong answers in the worst domain";
  const std::string metric = objective.metric == Metric::kl ? "KL" : "log perplexity";
  return objective.combine == Combine::mean ? "mean " + metric : metric + " of the worst domain";
}

std::vector<std::string> metric_names() {
  return {"kl", "perplexity", "accuracy"};
}

std::vector<std::string> combine_names() {
  return {"mean", "worst"};
}

std::string to_text(Metric metric) {
  return metric_names()[static_cast<std::size_t>(metric)];
}

std::string to_text(Combine combine) {
  return combine_names()[static_cast<std::size_t>(combine)];
}

Metric metric_of(const std::string& name) {
  return static_cast<Metric>(position(metric_names(), name));
}

Combine combine_of(const std::string& name) {
  return static_cast<Combine>(position(combine_names(), name));
}

}  // namespace pare::search
