// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "search/store/run_record.hpp"

namespace pare::search {

/// Writes a run as HDF5 (store/schema.hpp), whole, under a temporary name, and renames it into place: a
/// reader sees the old file or the new one. The same record gives the same bytes. Throws InputError when the
/// file cannot be written, or when the YAML or a provenance value is longer than schema::longest_text.
void write_run_file(const std::filesystem::path& path, const RunRecord& record);

/// Reads it back, checked: every column as long as its neighbours, every index in range, the trials as their
/// digest says. Throws InputError, one line with the path and what is wrong: no run file, another version,
/// damage.
RunRecord read_run_file(const std::filesystem::path& path);

}  // namespace pare::search
