// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "search/coordination/progress.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/plan.hpp"
#include "search/experiment/session.hpp"
#include "search/store/evaluation_store.hpp"
#include "search/store/journal.hpp"

namespace pare::search {

/// The evaluations that all runs with this cache share; nothing where the experiment does not want them. `progress` must
/// outlive it.
std::optional<EvaluationStore> open_evaluation_store(const Experiment& experiment, const Plan& plan,
                                                     const Session& session, const Journal& journal,
                                                     Progress& progress);

}  // namespace pare::search
