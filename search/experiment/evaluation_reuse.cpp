// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/evaluation_reuse.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

/// All that decides what a recipe loses on a window of the set, but for the recipe. The build counts: another one may
/// round otherwise.
std::string set_key(const Experiment& experiment, const Plan& plan, const framework::TokenWindows& windows) {
  framework::Hasher hasher;
  hasher.update("evaluations 1\n" + framework::build_and_device_id(experiment.computes_on) + "\n" + plan.model.hash() +
                "\n");
  hasher.update_value(static_cast<int>(experiment.precision));
  hasher.update_value(std::min(experiment.teacher_top_k, plan.model.config().vocabulary));
  framework::update_hash(hasher, windows);
  return hasher.hex();
}

RecipeIdentity make_identity(const Plan& plan, const std::string& calibration) {
  const std::vector<framework::Stage>& stages = plan.model.stages();
  std::vector<std::size_t> first_layer{0};
  for (const framework::Stage& stage : stages) first_layer.push_back(first_layer.back() + stage.linears.size());

  std::vector<std::vector<RecipeIdentity::OptionParts>> parts(plan.sites.size());
  for (std::size_t s = 0; s < plan.sites.size(); ++s) {
    const framework::Site& site = plan.sites[s];
    for (const SiteOption& known : plan.space.sites[s].options) {
      const auto option = std::find_if(site.options.begin(), site.options.end(),
                                       [&](const framework::Option& each) { return each.name() == known.name; });
      EXPECT(option != site.options.end());
      RecipeIdentity::OptionParts& of_option = parts[s].emplace_back();
      for (const std::size_t linear : site.linears) {
        of_option.push_back({first_layer[site.stage] + linear,
                             stages[site.stage].linears[linear].name + " " + known.name, option->needs_calibration()});
      }
    }
  }
  return {first_layer.back(), calibration, std::move(parts)};
}

}  // namespace

std::optional<EvaluationStore> open_evaluation_store(const Experiment& experiment, const Plan& plan,
                                                     const Session& session, const Journal& journal,
                                                     Progress& progress) {
  if (!experiment.reuse) return std::nullopt;
  const framework::WindowSets& text = session.text();
  return EvaluationStore({.directory = experiment.cache / "evaluations",
                          .keys = {set_key(experiment, plan, text.search), set_key(experiment, plan, text.holdout)},
                          .header = journal.header(),
                          .epoch = journal.epoch(),
                          .say = [&progress](const std::string& line) { progress.say(line); }},
                         make_identity(plan, session.calibration_key()));
}

}  // namespace pare::search
