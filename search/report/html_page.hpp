// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "search/report/run_overview.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// A run as one page that needs nothing else: page_data and the script that draws it, and for readers without scripts
/// the verdict's table. Nothing that a run file says becomes markup. With an overview, a run without a verdict says how
/// far it is.
std::string html_page(const RunRecord& record, const std::optional<RunOverview>& overview);

}  // namespace pare::search
