// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/plan.hpp"

#include <algorithm>
#include <functional>

#include "framework/compression/stock_mixture.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/feasibility.hpp"
#include "search/algorithm/procedural_algorithm.hpp"
#include "search/experiment/failure.hpp"
#include "search/experiment/measures.hpp"

namespace pare::search {
namespace {

/// What llama.cpp would make of the layers; tied layers must be of one format in the mixture, too.
std::vector<Mixture> stock_mixtures(const framework::Model& model, const std::vector<framework::Site>& sites) {
  std::vector<Mixture> mixtures;
  for (const std::string& name : framework::stock_mixtures()) {
    Mixture& mixture = mixtures.emplace_back(Mixture{name, {}});
    for (const framework::Site& site : sites) {
      const std::vector<framework::Linear>& linears = model.stages()[site.stage].linears;
      const auto wanted = [&](std::size_t l) { return framework::mixture_options(name, model.config(), linears[l]); };
      const std::vector<std::string> first = wanted(site.linears.front());
      const bool same = std::ranges::all_of(site.linears, [&](std::size_t l) { return wanted(l) == first; });
      mixture.options.push_back(same ? first : std::vector<std::string>{});
    }
  }
  return mixtures;
}

SearchSpace make_space(const framework::Model& model, const std::vector<framework::Site>& sites) {
  SearchSpace space;
  for (const framework::Site& site : sites) {
    SearchSite& entry = space.sites.emplace_back();
    entry.name = site.name;
    entry.kind = site.kind;
    entry.layer = site.layer;
    entry.stage = static_cast<int>(site.stage);
    entry.weights = framework::site_weights(model, site);
    entry.original_bytes = framework::site_original_bytes(model, site);
    for (const framework::Option& option : site.options) {
      entry.options.push_back({option.name(), framework::site_bytes(model, site, option), 0.0, option.structure()});
    }
  }
  space.mixtures = stock_mixtures(model, sites);
  return space;
}

void check_windows(const Experiment& experiment, const framework::ModelConfig& config) {
  const std::int64_t length = experiment.windows.length;
  VALIDATE(config.max_positions == 0 || length <= config.max_positions, "data.length: ", length,
           " tokens, but the model has only ", config.max_positions, " positions");
  VALIDATE(config.sliding_window == 0 || length <= config.sliding_window, "data.length: ", length,
           " tokens is beyond the model's sliding window of ", config.sliding_window,
           ", use windows of at most that length");
}

}  // namespace

framework::Model open_model(const std::filesystem::path& path) {
  try {
    return framework::Model(path);
  } catch (const InputError& error) {
    throw DataError(error.what());
  }
}

Plan::Plan(const Experiment& experiment)
    : model(open_model(experiment.model)),
      sites(framework::make_sites(model, experiment.options, experiment.ties, experiment.target)),
      bank(model, sites),
      space(make_space(model, sites)) {
  check_windows(experiment, model.config());
  const int ranks = experiment.containment.ranks_per_worker;
  VALIDATE(ranks <= model.config().layers, "cluster.ranks_per_worker: ", ranks, " ranks, but the model has only ",
           model.config().layers, " layers, and a rank needs one at least");
  windows = experiment.windows;
  if (!bank.needs_calibration()) windows.calibration = 0;
  add_measures(experiment, model, sites, space);
  for (const BudgetRules& rules : experiment.budgets) {
    budgets.push_back(with_fitting_recipe(space, resolve_budget(space, rules)));
  }
  std::ranges::stable_sort(budgets, std::ranges::greater{}, &Budget::bytes);
}

framework::StageRange own_stages(const Experiment& experiment, const framework::Model& model) {
  return framework::part_of_chain(model.config(), experiment.containment.ranks_per_worker, experiment.member);
}

std::int64_t tokens_of_all_budgets(const Experiment& experiment, const Plan& plan) {
  const auto count = static_cast<std::int64_t>(plan.budgets.size());
  if (count == 1 || experiment.token_limit > 0) return experiment.token_limit;
  return default_tokens({.space = &plan.space,
                         .budget = {},
                         .windows = experiment.windows.windows,
                         .window_length = experiment.windows.window_tokens()}) *
         (count + 3) / 4;
}

std::int64_t token_share(const Experiment& experiment, const Plan& plan, std::size_t budget) {
  const std::int64_t limit = tokens_of_all_budgets(experiment, plan);
  const auto count = static_cast<std::int64_t>(plan.budgets.size());
  if (count == 1) return limit;
  return std::max<std::int64_t>(1, limit * (budget == 0 ? 4 : 1) / (count + 3));
}

SearchProblem make_problem(const Experiment& experiment, const Plan& plan, std::size_t budget) {
  return {.space = &plan.space,
          .budget = plan.budgets[budget],
          .windows = experiment.windows.windows,
          .window_length = experiment.windows.window_tokens(),
          .seed = experiment.seed,
          .token_limit = token_share(experiment, plan, budget),
          .start = std::nullopt,
          .rungs = experiment.rungs,
          .objective = experiment.objective,
          .front_tokens = plan.budgets.size() > 1 ? tokens_of_all_budgets(experiment, plan) : 0};
}

}  // namespace pare::search
