// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace pare::framework {

/// Writes a whole file under a temporary name in the same directory, syncs it and renames it into place. Throws InputError naming the file;
/// then nothing has changed.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace pare::framework
