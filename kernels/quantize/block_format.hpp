// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pare::kernels {

/// The formats of GGUF in which this project stores weights. A row is cut into blocks of neighbouring inputs, each with
/// its own scale; block_bits.hpp states which bit of a block means what.
///
///                       weights a block   bytes   bits a weight   levels of a weight
///   q4_0                       32           18        4.5         16, one scale
///   q5_0                       32           22        5.5         32, one scale
///   q8_0                       32           34        8.5         255, one scale
///   iq4_nl                     32           18        4.5         16 unevenly spaced, one scale
///   q2_k                      256           84        2.625       4, scale and minimum of 16 weights in 4 bits each
///   q3_k                      256          110        3.4375      8, scale of 16 weights in 6 bits
///   q4_k                      256          144        4.5         16, scale and minimum of 32 weights in 6 bits each
///   q5_k                      256          176        5.5         32, scale and minimum of 32 weights in 6 bits each
///   q6_k                      256          210        6.5625      64, scale of 16 weights in 8 bits
enum class BlockFormat { q4_0, q5_0, q8_0, iq4_nl, q2_k, q3_k, q4_k, q5_k, q6_k };

inline constexpr std::array all_block_formats{BlockFormat::q4_0,   BlockFormat::q5_0, BlockFormat::q8_0,
                                              BlockFormat::iq4_nl, BlockFormat::q2_k, BlockFormat::q3_k,
                                              BlockFormat::q4_k,   BlockFormat::q5_k, BlockFormat::q6_k};

/// In lower case, "q4_k".
std::string_view block_format_name(BlockFormat format);

/// The inverse of block_format_name; nothing for other words.
std::optional<BlockFormat> block_format_named(std::string_view name);

struct BlockShape {
  int weights;  ///< 32 or 256
  int bytes;

  bool operator==(const BlockShape&) const = default;
};

BlockShape block_shape(BlockFormat format);

/// What a matrix takes; its blocks lie row by row without gaps. Throws InputError for an empty matrix, and when `cols`
/// is not a multiple of the block: the message names a format that would fit.
std::int64_t blocks_bytes(BlockFormat format, std::int64_t rows, std::int64_t cols);

}  // namespace pare::kernels
