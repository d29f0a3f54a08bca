// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/quantize_tokens.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/core/parallel.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 16;
constexpr std::uint32_t infinity_bits = 0x7f800000u;

/// The bits of max |x|: as integers, they order like the magnitudes, and infinities and NaN come last.
std::uint32_t largest_magnitude_bits(const float* x, std::int64_t count) {
  std::uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

}  // namespace

void quantize_tokens_int8(MatrixView<const float> x, MatrixView<std::int8_t> codes, std::span<float> scales) {
  EXPECT(codes.rows == x.rows && codes.cols == x.cols, codes.rows, " x ", codes.cols, " for ", x.rows, " x ", x.cols);
  EXPECT(static_cast<std::int64_t>(scales.size()) == x.rows, scales.size(), " scales for ", x.rows, " rows");
  parallel_for(x.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* row = x.row(t);
      std::int8_t* out = codes.row(t);
      const std::uint32_t largest = largest_magnitude_bits(row, x.cols);
      const bool finite = largest < infinity_bits;
      const float scale = finite ? std::bit_cast<float>(largest) / 127.0f : std::numeric_limits<float>::quiet_NaN();
      scales[static_cast<std::size_t>(t)] = scale;
      if (!(scale > 0.0f)) {
        std::fill_n(out, x.cols, std::int8_t{0});
        continue;
      }
      // Adding 1.5 * 2^23 rounds half to even; the clamp matters for subnormal scales only, which carry few
      // bits.
      constexpr float round_to_integer = 0x1.8p23f;
#pragma omp simd
      for (std::int64_t k = 0; k < x.cols; ++k) {
        const float rounded = (row[k] / scale + round_to_integer) - round_to_integer;
        const float clamped = rounded > 127.0f ? 127.0f : (rounded < -127.0f ? -127.0f : rounded);
        out[k] = static_cast<std::int8_t>(static_cast<std::int32_t>(clamped));
      }
    }
  });
}

}  // namespace pare::kernels
