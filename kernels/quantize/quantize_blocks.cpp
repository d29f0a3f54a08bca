// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/quantize_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/encode_block.hpp"

namespace pare::kernels {
namespace {

/// The work of a row is that of hundreds of thousands of instructions, and a matrix may have few.
constexpr std::int64_t rows_per_part = 1;

/// The outermost level in units of the binary16 scale (of the smaller one, where there are two): weights up to 65504
/// times that can be stored.
float outermost_level(BlockFormat format) {
  switch (format) {
    case BlockFormat::q4_0:
      return 8.0f;
    case BlockFormat::q5_0:
      return 16.0f;
    case BlockFormat::q8_0:
    case BlockFormat::iq4_nl:
      return 127.0f;
    case BlockFormat::q2_k:
      return 15.0f;
    case BlockFormat::q3_k:
      return 32.0f * 4.0f;
    case BlockFormat::q4_k:
    case BlockFormat::q5_k:
      return 63.0f;
    case BlockFormat::q6_k:
      return 128.0f * 32.0f;
  }
  throw InternalError(pare::detail::concatenate("block format ", static_cast<int>(format)));
}

void encode_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields) {
  switch (format) {
    case BlockFormat::q4_0:
    case BlockFormat::q5_0:
    case BlockFormat::q8_0:
    case BlockFormat::iq4_nl:
      return encode_short_block(format, x, weight, fields);
    case BlockFormat::q3_k:
    case BlockFormat::q6_k:
      return encode_scaled_block(format, x, weight, fields);
    case BlockFormat::q2_k:
    case BlockFormat::q4_k:
    case BlockFormat::q5_k:
      return encode_block_above_minimum(format, x, weight, fields);
  }
}

void check_importance(std::span<const float> importance, std::int64_t cols) {
  VALIDATE(importance.empty() || static_cast<std::int64_t>(importance.size()) == cols, "the importance has ",
           importance.size(), " values for a weight with ", cols, " columns, give one for each or none");
  for (std::size_t c = 0; c < importance.size(); ++c) {
    VALIDATE(std::isfinite(importance[c]) && importance[c] >= 0.0f, "the importance of column ", c, " is ",
             importance[c], ", it must be finite and not negative");
  }
}

/// Importance in proportion to the largest of its block, so that no sum of squares leaves the range of binary32.
std::vector<float> error_weights(std::span<const float> importance, std::int64_t cols, int block) {
  std::vector<float> weights(static_cast<std::size_t>(cols), 1.0f);
  for (std::size_t first = 0; first < importance.size(); first += static_cast<std::size_t>(block)) {
    const auto part = importance.subspan(first, static_cast<std::size_t>(block));
    const float largest = *std::max_element(part.begin(), part.end());
    if (largest == 0.0f) continue;
    for (std::size_t i = 0; i < part.size(); ++i) weights[first + i] = std::max(part[i] / largest, 0x1p-30f);
  }
  return weights;
}

/// A block that can be encoded: finite, and within reach of its scales.
void check_block(BlockFormat format, const float* x, std::int64_t r, std::int64_t first) {
  const int weights = block_shape(format).weights;
  float largest = 0.0f;
  for (int i = 0; i < weights; ++i) {
    VALIDATE(std::isfinite(x[i]), "the weight in row ", r, ", column ", first + i, " is ", x[i],
             " and cannot be quantized, weights must be finite");
    largest = std::max(largest, std::abs(x[i]));
  }
  const float scale = largest / outermost_level(format);
  VALIDATE(scale <= 65504.0f, "the weights of row ", r, ", columns ", first, " to ", first + weights - 1,
           " reach a magnitude of ", largest, " and need a scale of ", scale, " in ", block_format_name(format),
           ", a binary16 scale is at most 65504");
}

}  // namespace

void quantize_blocks(BlockFormat format, MatrixView<const float> weight, std::span<const float> importance,
                     std::span<std::byte> packed) {
  const std::int64_t bytes = blocks_bytes(format, weight.rows, weight.cols);
  EXPECT(static_cast<std::int64_t>(packed.size()) == bytes, packed.size(), " != ", bytes);
  check_importance(importance, weight.cols);
  const BlockShape shape = block_shape(format);
  const std::vector<float> error_weight = error_weights(importance, weight.cols, shape.weights);
  parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    BlockFields fields;
    for (std::int64_t r = begin; r < end; ++r) {
      std::byte* block = packed.data() + bytes / weight.rows * r;
      for (std::int64_t c = 0; c < weight.cols; c += shape.weights, block += shape.bytes) {
        const float* x = weight.row(r) + c;
        check_block(format, x, r, c);
        encode_block(format, x, error_weight.data() + c, fields);
        pack_block(format, fields, block);
      }
    }
  });
}

}  // namespace pare::kernels
