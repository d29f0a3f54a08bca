// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace pare::framework {

enum class LogLevel { info, warning, error };

/// The log of this process: a rank has one, and whatever runs in it writes there.
///
///   2026-11-26T14:02:11.318Z warning worker 3 on node7 is lost, its 2 leases go to others
///
/// A line is a time in UTC, a level and a text; lines of earlier starts stay in front. Every line reaches the system at
/// once, so that the last one before a crash is there. Nothing is decided by the log, and a disk that takes no more of it
/// does not end a run.

/// Appends to this file from now on and creates its directory. Throws InputError when it cannot be opened; the log then
/// stays as it was.
void open_log(const std::filesystem::path& file);

/// Appends a line; line breaks within `text` become blanks. Does nothing before open_log(). Any thread.
void log_line(LogLevel level, std::string_view text);

}  // namespace pare::framework
