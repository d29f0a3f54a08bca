// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/experiment/experiment.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// What follows from an experiment and its model before anything is computed: every rank makes the same plan. `space`
/// has exact bytes; its local errors are 0 until the bank is built.
struct Plan {
  explicit Plan(const Experiment& experiment);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  framework::Model model;
  std::vector<framework::Site> sites;
  framework::BankPlan bank;
  SearchSpace space;
  Budget budget;
  framework::WindowPlan windows;  ///< the experiment's; none for calibration when no option is calibrated
};

/// The plan as an algorithm sees it; the plan must outlive the problem.
SearchProblem make_problem(const Experiment& experiment, const Plan& plan);

/// For people: sites by kind with the bytes of their options, the size of the space, bytes, memory, and tokens.
std::string describe(const Experiment& experiment, const Plan& plan);

}  // namespace pare::search
