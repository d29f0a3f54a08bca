// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pare::framework {

/// A JSON value whose objects keep the order of their keys. This header is the one door to the library.
using Json = nlohmann::ordered_json;

/// Parses a whole document. Refuses what nlohmann accepts but strangers' files should not have: duplicate
/// keys, more than 64 levels, zero bytes. Throws InputError "SOURCE:LINE:COLUMN: ...".
Json parse_json(std::string_view text, const std::string& source);

/// Reads and parses a file of at most 256 MiB.
Json parse_json_file(const std::filesystem::path& file);

}  // namespace pare::framework
