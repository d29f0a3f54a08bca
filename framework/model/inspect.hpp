// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace pare::framework {

/// What `pare inspect PATH` prints, for a model directory (configuration, then tensors), a safetensors or
/// GGUF file, or an HDF5 file (tokens, bank, run). Throws InputError: PATH is nothing of these, or damaged.
std::string inspect(const std::filesystem::path& path);

}  // namespace pare::framework
