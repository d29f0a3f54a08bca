// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "framework/io/json.hpp"
#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/evaluate_recipe.hpp"

namespace pare::search {

int evaluate(const Arguments& arguments, framework::ProcessGroup& group) {
  const RecipeEvaluation result =
      evaluate_recipe(read_experiment_argument(arguments), group, arguments.recipe.string(), arguments.quiet);
  const Contestant& candidate = result.candidate;
  if (arguments.json) {
    const framework::Json json{
        {"recipe", candidate.name},
        {"bytes", candidate.bytes},
        {"bits_per_weight", candidate.bits_per_weight},
        {"fits", candidate.fits},
        {"kl", {{"mean", candidate.kl.mean}, {"stderr", candidate.kl.stderr_of_mean}}},
        {"perplexity", candidate.perplexity},
        {"reference", {{"bytes", result.reference_bytes}, {"perplexity", result.reference_perplexity}}}};
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("recipe       {}\n", candidate.name);
  fmt::print("bytes        {} = {:.3f} bits a weight, {} the budget of {}\n", candidate.bytes,
             candidate.bits_per_weight, candidate.fits ? "within" : "OVER", result.budget_bytes);
  fmt::print("KL           {:.5f} +- {:.5f} nats a token to the full model, {} held-out windows\n", candidate.kl.mean,
             candidate.kl.stderr_of_mean, candidate.window_kl.size());
  fmt::print("perplexity   {:.4f}, full model {:.4f}\n", candidate.perplexity, result.reference_perplexity);
  return 0;
}

}  // namespace pare::search
