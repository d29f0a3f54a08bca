// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/evaluate_recipe.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "search/coordination/drain.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/judge.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/recipe_file.hpp"
#include "search/experiment/session.hpp"

namespace pare::search {

RecipeEvaluation evaluate_recipe(const Experiment& given, framework::ProcessGroup& group,
                                 const std::string& file_or_option, bool quiet) {
  Progress progress(quiet ? Verbosity::quiet : Verbosity::normal);
  Plan plan(given);
  const Experiment experiment = on_device(given, plan, rank_of_node(group));
  read_recipe(plan.space, file_or_option);  // a mistake in it shows before anything is computed
  make_directory(experiment.cache, "cache");
  Session session(experiment, plan, group, progress, [](std::size_t) { leave_late_drain([] {}); });
  const Recipe recipe = read_recipe(plan.space, file_or_option);

  const std::int64_t windows = experiment.windows.holdout;
  Trial trial{.id = 0, .request = {recipe, WindowSet::holdout, 0, windows}, .kl = {}, .nll = {}};
  trial.kl.resize(static_cast<std::size_t>(windows));
  trial.nll.resize(static_cast<std::size_t>(windows));
  session.scheduler().evaluate(
      plan.space, session.lease_settings(), {{WindowSet::holdout, 0, windows, {recipe}}},
      [&](const Evaluate& lease, const Evaluated& evaluated) {
        std::ranges::copy(evaluated.kl, trial.kl.begin() + lease.begin);
        std::ranges::copy(evaluated.nll, trial.nll.begin() + lease.begin);
        if (evaluated.wrong.empty()) return;
        trial.wrong.resize(trial.kl.size());
        std::ranges::copy(evaluated.wrong, trial.wrong.begin() + lease.begin);
      },
      [](const Recipe&, const std::string& why) {
        throw std::runtime_error("the recipe cannot be evaluated: " + why);
      });
  return {.candidate = make_contestant(plan.space, plan.budgets.front(), file_or_option, trial),
          .budget_bytes = plan.budgets.front().bytes,
          .reference_bytes = plan.space.original_bytes(),
          .reference_perplexity = std::exp(estimate(session.reference_nll()).mean),
          .reference_window_nll = session.reference_nll(),
          .reference_window_wrong = session.reference_wrong()};
}

}  // namespace pare::search
