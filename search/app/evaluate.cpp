// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "framework/io/json.hpp"
#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/evaluate_recipe.hpp"
#include "search/report/domain_table.hpp"
#include "search/report/verdict_json.hpp"

namespace pare::search {

int evaluate(const Arguments& arguments, framework::ProcessGroup& group) {
  const Experiment experiment = read_experiment_argument(arguments);
  const RecipeEvaluation result = evaluate_recipe(experiment, group, arguments.recipe.string(), arguments.quiet);
  const Contestant& candidate = result.candidate;
  if (arguments.json) {
    framework::Json json{
        {"recipe", candidate.name},
        {"bytes", candidate.bytes},
        {"bits_per_weight", candidate.bits_per_weight},
        {"fits", candidate.fits},
        {"kl", {{"mean", candidate.kl.mean}, {"stderr", candidate.kl.stderr_of_mean}}},
        {"perplexity", candidate.perplexity},
        {"reference", {{"bytes", result.reference_bytes}, {"perplexity", result.reference_perplexity}}}};
    if (const auto right = accuracy(candidate.window_wrong)) {
      json["accuracy"] = *right;
      json["reference"]["accuracy"] = accuracy(result.reference_window_wrong).value_or(0);
    }
    if (!experiment.objective.domains.empty()) json["domains"] = domains_json(experiment.objective, candidate);
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("recipe       {}\n", candidate.name);
  fmt::print("bytes        {} = {:.3f} bits a weight, {} the budget of {}\n", candidate.bytes,
             candidate.bits_per_weight, candidate.fits ? "within" : "OVER", result.budget_bytes);
  fmt::print("KL           {:.5f} +- {:.5f} nats a token to the full model, {} held-out windows\n", candidate.kl.mean,
             candidate.kl.stderr_of_mean, candidate.window_kl.size());
  fmt::print("perplexity   {:.4f}, full model {:.4f}\n", candidate.perplexity, result.reference_perplexity);
  if (const auto right = accuracy(candidate.window_wrong)) {
    fmt::print("accuracy     {:.1f} %, full model {:.1f} %, {} items\n", 100 * *right,
               100 * accuracy(result.reference_window_wrong).value_or(0), candidate.window_wrong.size());
  }
  const std::vector<double> reference = domain_perplexities(experiment.objective, result.reference_window_nll);
  const std::vector<DomainScore> scores = domain_scores(experiment.objective, candidate);
  for (std::size_t d = 0; d < scores.size(); ++d) {
    fmt::print("{:<12} KL {:.5f} +- {:.5f}, perplexity {:.4f}, full model {:.4f}, {} windows\n", scores[d].name,
               scores[d].kl.mean, scores[d].kl.stderr_of_mean, scores[d].perplexity, reference[d], scores[d].windows);
  }
  return 0;
}

}  // namespace pare::search
