// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "search/objective/compare_record.hpp"

namespace pare::search {

/// Writes a comparison as HDF5 (store/compare_schema.hpp), whole or not at all. Throws InputError when it cannot be
/// written.
void write_compare_file(const std::filesystem::path& path, const CompareRecord& record);

/// Reads it back, checked: columns of one length, indices in range. Throws InputError with the path and what is wrong.
CompareRecord read_compare_file(const std::filesystem::path& path);

/// Is this HDF5 file a comparison?
bool is_compare_file(const std::filesystem::path& path);

/// One line a cell with a head line, comma-separated, the columns of /cells; numbers with all their digits, empty where
/// nothing is known.
std::string compare_csv(const CompareRecord& record);

}  // namespace pare::search
