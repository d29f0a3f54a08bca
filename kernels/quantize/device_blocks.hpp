// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/core/device_matrix.hpp"
#include "kernels/quantize/block_format.hpp"

namespace pare::kernels {

/// A matrix of GGUF blocks in the memory of a GPU, as it is stored: blocks_bytes(format, rows, cols) bytes row by row
/// without gaps. Begins at a multiple of 256 bytes.
struct DeviceBlocksView {
  BlockFormat format = BlockFormat::q8_0;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  const std::uint8_t* bytes = nullptr;
};

/// Owns what DeviceBlocksView looks at.
class DeviceBlocks {
 public:
  /// Copies the blocks to the GPU and waits for it. Throws InputError when `packed` has not the bytes it must have,
  /// DeviceMemoryError.
  DeviceBlocks(BlockFormat format, std::int64_t rows, std::int64_t cols, std::span<const std::byte> packed,
               const Stream& stream);

  DeviceBlocksView view() const;
  std::int64_t memory_bytes() const { return bytes_.size(); }

 private:
  BlockFormat format_;
  std::int64_t rows_;
  std::int64_t cols_;
  DeviceMatrix<std::byte> bytes_;
};

}  // namespace pare::kernels
