// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/device_blocks.hpp"

#include "kernels/core/contract.hpp"

namespace pare::kernels {

DeviceBlocks::DeviceBlocks(BlockFormat format, std::int64_t rows, std::int64_t cols, std::span<const std::byte> packed,
                           const Stream& stream)
    : format_(format), rows_(rows), cols_(cols) {
  const std::int64_t bytes = blocks_bytes(format, rows, cols);
  VALIDATE(static_cast<std::int64_t>(packed.size()) == bytes, "a ", rows, " x ", cols, " matrix in ",
           block_format_name(format), " has ", packed.size(), " bytes, it must have ", bytes);
  bytes_ = on_device(packed, stream);
}

DeviceBlocksView DeviceBlocks::view() const {
  return {format_, rows_, cols_, reinterpret_cast<const std::uint8_t*>(bytes_.data())};
}

}  // namespace pare::kernels
