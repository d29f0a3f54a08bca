// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "framework/data/token_windows.hpp"

namespace pare::framework {

/// The window sets of a run in one HDF5 file, so that every worker reads the same text: /search, /holdout and, unless
/// it is empty, /calibration, uint32 [windows, length]; where windows are the rows of items, how, in /search_items and
/// /holdout_items.
void write_window_file(const std::filesystem::path& path, const WindowSets& sets);

/// Throws InputError naming the file: not such a file, windows of different lengths, or a token beyond `vocabulary`.
WindowSets read_window_file(const std::filesystem::path& path, std::int64_t vocabulary);

}  // namespace pare::framework
