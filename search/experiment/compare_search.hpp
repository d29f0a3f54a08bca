// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "framework/comm/process_group.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/plan.hpp"
#include "search/objective/compare_record.hpp"

namespace pare::search {

/// The whole of `pare compare-search`, on rank 0 (other ranks call serve_as_remote_worker): every algorithm with every
/// seed on every budget, one after the other, on one bank, one text and one journal. An answer is the first finalist,
/// never chosen by held-out windows. What two cells ask for is evaluated once, and both pay its tokens.
///
/// Starts the journal in OUTPUT/compare or continues it; OUTPUT/compare.h5 and OUTPUT/compare.csv hold the cells that are
/// done. A finished comparison is returned as it is. Throws InputError: a budget that no recipe fits (which one), an
/// output that holds another comparison.
CompareRecord compare_search(const Experiment& experiment, framework::ProcessGroup& group, bool quiet);

/// For `pare check`: how many searches with how many tokens, and the bytes of every budget; empty when the experiment has
/// no section `compare`. Throws InputError for a budget that no recipe fits.
std::string describe_comparison(const Experiment& experiment, const Plan& plan);

}  // namespace pare::search
