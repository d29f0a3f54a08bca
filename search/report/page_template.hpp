// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace pare::search {

/// search/report/page in one piece, made at build time. What is still missing: @TEXT@ and @DATA@, once each.
extern const std::string_view page_template;

}  // namespace pare::search
