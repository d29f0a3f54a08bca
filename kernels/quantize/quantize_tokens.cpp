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

/// The clamp matters for static scales, and for subnormal ones, which carry few bits.
void round_row(const float* x, std::int64_t count, float scale, std::int8_t* codes) {
  constexpr float round_to_integer = 0x1.8p23f;  // adding it rounds half to even
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) {
    const float rounded = (x[k] / scale + round_to_integer) - round_to_integer;
    const float clamped = rounded > 127.0f ? 127.0f : (rounded < -127.0f ? -127.0f : rounded);
    codes[k] = static_cast<std::int8_t>(static_cast<std::int32_t>(clamped));
  }
}

/// Returns the scale of the row.
float quantize_row(const float* x, std::int64_t count, float static_scale, std::int8_t* codes) {
  const std::uint32_t largest = largest_magnitude_bits(x, count);
  const bool finite = largest < infinity_bits;
  const float chosen = static_scale > 0.0f ? static_scale : std::bit_cast<float>(largest) / 127.0f;
  const float scale = finite ? chosen : std::numeric_limits<float>::quiet_NaN();
  if (scale > 0.0f) {
    round_row(x, count, scale, codes);
  } else {
    std::fill_n(codes, count, std::int8_t{0});
  }
  return scale;
}

}  // namespace

void check_int8_input(const Int8Input& input, std::int64_t inputs) {
  VALIDATE(std::isfinite(input.static_scale) && input.static_scale >= 0.0f, "a static activation scale of ",
           input.static_scale, " cannot be used, it must be positive and finite (or 0: a scale for each token)");
  if (input.divisors.empty()) return;
  VALIDATE(static_cast<std::int64_t>(input.divisors.size()) == inputs, input.divisors.size(),
           " divisors do not fit a layer with ", inputs, " inputs, there must be one for each input (or none)");
  for (std::size_t k = 0; k < input.divisors.size(); ++k) {
    VALIDATE(std::isfinite(input.divisors[k]) && input.divisors[k] > 0.0f, "the divisor of input ", k, " is ",
             input.divisors[k], ", it must be positive and finite");
  }
}

void quantize_tokens_int8(MatrixView<const float> x, MatrixView<std::int8_t> codes, std::span<float> scales) {
  quantize_tokens_int8(x, Int8Input{}, codes, scales);
}

void quantize_tokens_int8(MatrixView<const float> x, const Int8Input& input, MatrixView<std::int8_t> codes,
                          std::span<float> scales) {
  EXPECT(codes.rows == x.rows && codes.cols == x.cols, codes.rows, " x ", codes.cols, " for ", x.rows, " x ", x.cols);
  EXPECT(static_cast<std::int64_t>(scales.size()) == x.rows, scales.size(), " scales for ", x.rows, " rows");
  EXPECT(input.divisors.empty() || static_cast<std::int64_t>(input.divisors.size()) == x.cols, input.divisors.size(),
         " divisors for ", x.cols, " columns");
  parallel_for(x.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> divided(input.divisors.size());
    const float* divisors = input.divisors.data();
    for (std::int64_t t = begin; t < end; ++t) {
      const float* row = x.row(t);
      if (!divided.empty()) {
        float* quotients = divided.data();
#pragma omp simd
        for (std::int64_t k = 0; k < x.cols; ++k) quotients[k] = row[k] / divisors[k];
        row = quotients;
      }
      scales[static_cast<std::size_t>(t)] = quantize_row(row, x.cols, input.static_scale, codes.row(t));
    }
  });
}

}  // namespace pare::kernels
