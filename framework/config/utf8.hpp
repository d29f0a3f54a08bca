// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pare::framework {

/// Where the text stops being UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF);
/// nothing when it never does.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// A name from a stranger's file, safe to print in one line: control characters and bytes that are not UTF-8
/// become \xNN, and more than 100 bytes are cut.
std::string printable(std::string_view text);

}  // namespace pare::framework
