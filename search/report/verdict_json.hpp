// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The outcome of a run for programs, as JSON text. Names and units (bytes; nats a token; seconds) are kept
/// from version to version; names may be added.
///
///   budget_bytes
///   winner       {name, bytes, bits_per_weight, kl {mean, stderr}, perplexity, recipe {site: option}}
///   contestants  [{name, bytes, bits_per_weight, kl {mean, stderr}, perplexity, fits}]
///   reference    {bytes, perplexity}
///   over_uniform {name, kl_ratio, kl_difference {mean, low, high}}, the 95 % interval; null when no uniform
///                recipe fits
///   left_out     [{site, option, reason}]: options that failed at a site
///   spent        {tokens, search_tokens, evaluations, seconds, stage_runs, stage_runs_saved}
///   trials, digest
///   limits       {decode_seconds, ...}: what else the budget limits; only where it does
///   front        [{budget_bytes, limits, winner, uniform}], one a budget, ascending; only where there are several
///
/// Throws InputError when the run has no verdict yet.
std::string verdict_json(const RunRecord& record);

}  // namespace pare::search
