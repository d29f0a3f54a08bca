// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pare::framework {

/// A tensor of a safetensors file: `offset` counts from the start of the file.
struct TensorInfo {
  std::string name;
  std::string dtype;  ///< as the format spells it: "F32", "F16", "BF16", "I8", ...
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
};

/// Reads and checks the header of a safetensors file, whose bytes are all of `file`: 8 bytes little-endian header length N, N bytes of JSON,
/// then the data. The tensors come back in the order of their data. Checked, as the format demands: N <= 100 MB and within the
/// file; strict JSON that starts with '{' and names no tensor twice; known dtypes; bytes = product of the shape, without
/// overflow; data that covers the rest of the file without holes or overlaps. Throws InputError that starts with `source`.
std::vector<TensorInfo> parse_safetensors(std::span<const std::byte> file, const std::string& source);

}  // namespace pare::framework
