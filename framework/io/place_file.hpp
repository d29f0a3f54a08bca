// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace pare::framework {

/// A name beside `target` for what is on its way to it, or away: ".run.h5.3f2a9c81d07e5b46.tmp". No two calls give the same.
std::filesystem::path hidden_name(const std::filesystem::path& target, std::string_view ending);

/// Makes the contents of a file, or the names in a directory, survive a power loss. Throws InputError naming `target`, for
/// whose sake it is done.
void synchronize(const std::filesystem::path& path, const std::filesystem::path& target);

/// Gives a file or directory another name in the same file system. Throws InputError naming `target`.
void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to,
                  const std::filesystem::path& target);

}  // namespace pare::framework
