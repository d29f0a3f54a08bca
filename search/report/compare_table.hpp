// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/objective/compare_record.hpp"

namespace pare::search {

/// A comparison for people: a block a budget with a line an algorithm, then what the whole says of the reference
/// algorithm.
std::string compare_table(const CompareRecord& record);

/// For programs, as JSON text. Names and units (bytes; nats a token; seconds) are kept from version to version; names may
/// be added. null: not known, or not finite.
///
///   tokens, reference, complete, digest
///   budgets  [{name, bytes, bits_per_weight, uniform {name, bytes, kl}}], uniform is null when none fits
///   cells    [{budget (index), algorithm, seed, kl {mean, stderr, low, high}, difference {mean, low, high},
///            tokens_asked, tokens_to_answer, tokens_to_evopress, seconds, bytes, perplexity, recipe {site: option},
///            trajectory [{tokens, kl {mean, stderr}}]}]
///   rows     [{budget, algorithm, kl {median, min, max}, ratio, tokens, seconds, share_of_evopress}]
///   goals    {pairs, above_interval, worse, ratios [{budget, rival, ratio}], shares_of_evopress []}
std::string compare_json(const CompareRecord& record);

}  // namespace pare::search
