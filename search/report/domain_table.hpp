// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/objective/objective.hpp"
#include "search/objective/verdict.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// A recipe on the held-out windows of one domain.
struct DomainScore {
  std::string name;
  double weight = 1;
  std::int64_t windows = 0;
  Estimate kl;                     ///< nats a token
  double perplexity = 0;           ///< exp(mean nll)
  std::optional<double> accuracy;  ///< share of right answers; nothing for text
};

/// One a domain; empty where the text is one.
std::vector<DomainScore> domain_scores(const Objective& objective, const Contestant& contestant);

/// exp of the mean over the windows of each domain; empty where `window_nll` is (older run files).
std::vector<double> domain_perplexities(const Objective& objective, const std::vector<double>& window_nll);

/// Share of right answers; nothing for text.
std::optional<double> accuracy(const std::vector<double>& window_wrong);

/// For people: a line a domain with the winner, the best uniform recipe that fits, and the full model. Empty where the
/// text is one. EXPECTs a verdict.
std::string domain_table(const RunRecord& record);

}  // namespace pare::search
