// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/block_format.hpp"
#include "kernels/quantize/device_blocks.hpp"

namespace pare::kernels {

/// Writes the values of a matrix of GGUF blocks in binary32, the bits that ggml computes: the product of the two scales
/// is exact (at most 18 bits), that with the code too (at most 23), so only the difference with the minimum is rounded,
/// once, and a fused multiply-add changes nothing. Parallel over rows.
///
/// Throws InputError when `packed` is not blocks_bytes(format, rows, cols) long; EXPECTs the shape of `out`.
void expand_blocks(BlockFormat format, std::int64_t rows, std::int64_t cols, std::span<const std::byte> packed,
                   MatrixView<float> out);

/// The GPU's half, enqueued on `stream`: the same bits, or those rounded to bfloat16. `out` is fastest when its rows begin
/// at multiples of 16 bytes. Throws InputError where blocks_bytes does and for more than 2^31 blocks.
void expand_blocks(const DeviceBlocksView& blocks, DeviceView<BFloat16> out, const Stream& stream);
void expand_blocks(const DeviceBlocksView& blocks, DeviceView<float> out, const Stream& stream);

}  // namespace pare::kernels
