// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <string>

#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/compare_search.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {

int check(const Arguments& arguments) {
  const Experiment experiment = read_experiment_argument(arguments);
  const Plan plan(experiment);
  const std::string card = arguments.card.empty() ? "" : describe_card(experiment, plan, arguments.card);
  fmt::print("{}", describe(experiment, plan) + describe_comparison(experiment, plan) + card);
  return 0;
}

}  // namespace pare::search
