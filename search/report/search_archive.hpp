// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "search/objective/archive.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// What the trials of a run that did not fail say of its search windows, by its objective.
Archive search_archive(const RunRecord& record);

}  // namespace pare::search
