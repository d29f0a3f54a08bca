// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"
#include "framework/model/stage_range.hpp"
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
  std::vector<Budget> budgets;    ///< at least one; most bytes first, which is the order they are searched in
  framework::WindowPlan windows;  ///< the experiment's; none for calibration when no option is calibrated
};

/// The checkpoint or GGUF file of an experiment. Throws DataError where it is damaged, missing or unfit.
framework::Model open_model(const std::filesystem::path& path);

/// Of the model, the stages that this process evaluates.
framework::StageRange own_stages(const Experiment& experiment, const framework::Model& model);

/// Tokens that the search under a budget may ask for; 0: the algorithm's own. Several budgets share the experiment's
/// limit, or, without one, as many as one search and a quarter of one for each further budget: those know the trials of
/// the searches before them and begin at their answer, so they get a quarter of the first's.
std::int64_t token_share(const Experiment& experiment, const Plan& plan, std::size_t budget);

/// The plan under one of its budgets as an algorithm sees it; the plan must outlive the problem.
SearchProblem make_problem(const Experiment& experiment, const Plan& plan, std::size_t budget = 0);

/// For people: sites by kind with the bytes of their options, the size of the space, bytes, memory, and tokens.
std::string describe(const Experiment& experiment, const Plan& plan);

/// For people: which stages and how many bytes of the bank each rank of a worker has.
std::string describe_ranks(const Experiment& experiment, const Plan& plan);

/// For people: how the memory of a card of that name would be spent, by each rank of a worker. Throws InputError for a name that is not known, and
/// where not even one window has room.
std::string describe_card(const Experiment& experiment, const Plan& plan, const std::string& card);

}  // namespace pare::search
