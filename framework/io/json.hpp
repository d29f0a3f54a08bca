// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace pare::framework {

/// The one door to nlohmann-json: objects keep their order.
using Json = nlohmann::ordered_json;

/// Parses strict JSON that a stranger wrote: duplicate keys and nesting beyond 64 levels are refused. Throws InputError that starts with
/// `source`.
Json parse_json(std::string_view text, const std::string& source);

/// The same from a file of at most 256 MiB.
Json parse_json_file(const std::filesystem::path& path);

}  // namespace pare::framework
