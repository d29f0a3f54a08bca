// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace pare::search {

/// Makes a directory that the experiment's `key` names, with its parents. Throws OutputError naming key, directory and
/// reason when it cannot be made or written to.
void make_directory(const std::filesystem::path& directory, const std::string& key);

}  // namespace pare::search
