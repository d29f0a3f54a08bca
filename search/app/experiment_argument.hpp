// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "search/app/verbs.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/experiment.hpp"

namespace pare::search {

/// The experiment file with --set and --output applied.
Experiment read_experiment_argument(const Arguments& arguments);

/// --quiet, --verbose, or neither.
Verbosity verbosity_of(const Arguments& arguments);

}  // namespace pare::search
