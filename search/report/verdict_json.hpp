// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "framework/io/json.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// The outcome of a run for programs, as JSON text. Names and units (bytes; nats a token; seconds) are kept
/// from version to version; names may be added.
///
///   budget_bytes
///   objective    {metric, combine}
///   winner       {name, bytes, bits_per_weight, kl {mean, stderr}, perplexity, recipe {site: option}}
///   contestants  [{name, bytes, bits_per_weight, kl {mean, stderr}, perplexity, fits, loss, loss_half_width,
///                winner_difference {mean, low, high}, accuracy, domains}]: loss is what the objective minimizes, with
///                the half-width of its 95 % interval; winner_difference the winner's loss less this one's, paired over
///                windows; domains [{name, weight, windows, kl, perplexity, accuracy}] only where there are several,
///                accuracy only of items
///   reference    {bytes, perplexity, accuracy, domain_perplexities}
///   over_uniform {name, kl_ratio, kl_difference {mean, low, high}, loss_difference {mean, low, high}}, the 95 %
///                intervals; null when no uniform recipe fits
///   left_out     [{site, option, reason}]: options that failed at a site
///   failed       [{trial, reason}]: trials that no worker could measure
///   spent        {tokens, search_tokens, evaluations, seconds, stage_runs, stage_runs_saved, reused_tokens,
///                stages [{name, seconds}]}
///   workers      [{name, state, alive, tasks, failures, busy_seconds, latency_p50_seconds, latency_p95_seconds, bytes_sent,
///                bytes_received}] of the start that came to the verdict
///   trials, digest
///   limits       {decode_seconds, ...}: what else the budget limits; only where it does
///   front        [{budget_bytes, limits, winner, uniform}], one a budget, ascending; only where there are several
///
/// Throws InputError when the run has no verdict yet.
std::string verdict_json(const RunRecord& record);
framework::Json verdict_document(const RunRecord& record);

/// [{name, weight, windows, kl {mean, stderr}, perplexity}], one a domain; empty where the text is one.
framework::Json domains_json(const Objective& objective, const Contestant& contestant);

}  // namespace pare::search
