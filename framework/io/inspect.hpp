// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pare::framework {

/// "812 B", "1.5 KiB", "13.4 GiB": powers of 1024, three digits.
std::string human_bytes(std::int64_t bytes);

/// Rows as lines with aligned columns, two spaces apart and each line indented by two; the last column is not
/// padded.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// What is in a safetensors file: its tensors with types, shapes and sizes, its metadata. Throws InputError.
std::string describe_safetensors(const std::filesystem::path& file);

/// What is in a GGUF file: its keys and its tensors, with shapes as rows x columns. Throws InputError.
std::string describe_gguf(const std::filesystem::path& file);

/// What is in an HDF5 file: groups and datasets with types, shapes and attributes. A token file's tokens and
/// documents are counted first. Throws InputError.
std::string describe_hdf5(const std::filesystem::path& file);

}  // namespace pare::framework
