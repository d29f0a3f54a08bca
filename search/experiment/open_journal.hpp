// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "search/coordination/progress.hpp"
#include "search/experiment/plan.hpp"
#include "search/experiment/session.hpp"
#include "search/store/journal.hpp"

namespace pare::search {

/// Starts or continues DIRECTORY/journal with what results depend on: `identity` of the experiment, model, text and
/// build and device. `progress` hears of waiting for a writer before this one. Throws InputError where the journal there is of other
/// results.
Journal open_journal(const std::filesystem::path& directory, const std::string& identity, const Plan& plan,
                     const Session& session, Progress& progress);

}  // namespace pare::search
