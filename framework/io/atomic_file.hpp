// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace pare::framework {

/// Replaces `path` by a file with this text, whole or not at all (see temporary_file.hpp). Throws InputError
/// naming the path.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The same for what is worth nothing after a power loss: no fsync, and one temporary name for a path, so that kills leave
/// no litter. One process at a time.
void replace_file(const std::filesystem::path& path, std::string_view text);

}  // namespace pare::framework
