// SPDX-License-Identifier: Apache-2.0
#include "search/report/trials_csv.hpp"

#include <fmt/format.h>

#include "search/objective/statistics.hpp"
#include "search/store/csv_text.hpp"

namespace pare::search {
namespace {

using csv::number;
using csv::quoted;

}  // namespace

std::string trials_csv(const RunRecord& record) {
  std::string text = "trial,seconds,set,begin,windows,bytes,bits_per_weight,kl_mean,kl_stderr,nll_mean,failure";
  for (const SearchSite& site : record.space.sites) text += "," + quoted(site.name);
  text += '\n';
  for (const Trial& trial : record.trials) {
    const EvaluationRequest& request = trial.request;
    const std::int64_t bytes = record.space.bytes(request.recipe);
    const Estimate kl = estimate(trial.kl);
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{}", trial.id, number(trial.seconds),
                        request.set == WindowSet::search ? "search" : "holdout", request.begin, request.count, bytes,
                        number(record.space.bits_per_weight(bytes)), number(kl.mean), number(kl.stderr_of_mean),
                        number(estimate(trial.nll).mean), quoted(trial.failure));
    for (std::size_t s = 0; s < request.recipe.size(); ++s)
      text += "," + quoted(record.space.sites[s].options[request.recipe[s]].name);
    text += '\n';
  }
  return text;
}

}  // namespace pare::search
