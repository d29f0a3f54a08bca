// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"
#include "search/experiment/experiment.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

/// Gives the space the costs that the budgets limit besides bytes, and their value to every option of every site:
///
///   prefill_seconds, decode_seconds   picoseconds: the site's layers, in the sizes that the option leaves them, looked
///                                     up in the latency table
///   kv_bytes                          bytes of keys and values that the site's layers write for so many tokens (at most
///                                     a sliding window of them): k_proj and v_proj as wide as they stay
///
/// What is searched counts, nothing else: no embedding, head, normalization or attention itself. Throws InputError
/// where the table lacks a line.
void add_measures(const Experiment& experiment, const framework::Model& model,
                  const std::vector<framework::Site>& sites, SearchSpace& space);

}  // namespace pare::search
