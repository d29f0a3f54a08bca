// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "framework/io/json.hpp"
#include "search/report/run_overview.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// Everything that the page of a run shows (search/report/page), whose script works out hardly more than positions.
/// Units as in verdict_json; null: not known, or not finite.
///
///   model, algorithm, seed, window_length, search_windows, holdout_windows, calibration_windows, weights,
///   original_bytes
///   objective    {name, metric, combine}
///   status       {state, process, error, stage, tokens_done, tokens_limit, updated, best}; null of a run file alone
///   verdict      verdict_document, null while there is none
///   options      [name]: all of the space
///   sites        [[name, kind, layer, weights, original bytes]]
///   recipes      [{title, name, budget_bytes, bytes, bits_per_weight, kl, options [index of each site], bytes_of [each
///                site], errors [local error of each site]}]: the winner, of several budgets one each from the largest
///                on, or the best so far
///   trials       {total, failed, recipes, points [[bits_per_weight, loss, windows]]}: one a recipe, on search windows
///   uniforms     [[name, bits_per_weight, loss]]: those measured on search windows
///   curve        [[tokens, seconds, loss, windows, ratio]]: search_curve under the largest budget
///   site_losses  [[site, option, loss, stderr]]
///   predictions  [[predicted, measured]]
///   crew         {seconds, utilization, retries, lost_leases, late_leases, workers}
///   yaml, provenance [[key, value]]
framework::Json page_data(const RunRecord& record, const std::optional<RunOverview>& overview);

}  // namespace pare::search
