// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/quantize/block_bits.hpp"

/// The searches behind quantize_blocks, one block at a time. x and weight hold block_shape(format).weights values:
/// x finite and small enough for the format, weight > 0. Every field that the format has is written.

namespace pare::kernels {

/// q4_0, q5_0, q8_0, iq4_nl.
void encode_short_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields);

/// q3_k, q6_k.
void encode_scaled_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields);

/// q2_k, q4_k, q5_k.
void encode_block_above_minimum(BlockFormat format, const float* x, const float* weight, BlockFields& fields);

}  // namespace pare::kernels
