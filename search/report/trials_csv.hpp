// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// One line a trial: trial, seconds, set, begin, windows, bytes, bits_per_weight, kl_mean, kl_stderr, nll_mean, failure,
/// and the option of each site, under its name. Losses of a failed trial
/// are inf; a time that is not known is empty.
std::string trials_csv(const RunRecord& record);

}  // namespace pare::search
