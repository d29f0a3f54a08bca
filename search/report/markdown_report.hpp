// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The verdict as a section of Markdown (GitHub's tables) for a pull request or a wiki: what was gained, everybody on the
/// held-out windows, the front, the options by layer, and the provenance. Without a verdict one paragraph that says so.
std::string markdown_report(const RunRecord& record);

}  // namespace pare::search
