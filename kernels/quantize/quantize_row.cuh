// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/row.cuh"
#include "kernels/quantize/quantize_tokens.hpp"
#include "kernels/quantize/row_quotient.hpp"

/// The per-token int8 quantization of a row that a kernel has in registers: the same bits as quantize_tokens_int8 of the
/// same values in memory.

namespace pare::kernels {

namespace device {

/// Where codes go, and Int8Input, as a kernel takes them.
struct Int8Rows {
  Rows<std::int8_t> codes;
  float* scales;
  const float* divisors;  ///< one a column, or null
  float static_scale;
};

__device__ inline std::uint32_t rounded_code(float quotient) {
  constexpr float round_to_integer = 0x1.8p23f;  // adding it rounds half to even
  const float rounded = __fsub_rn(__fadd_rn(quotient, round_to_integer), round_to_integer);
  // 2^23 + 128 + code has code + 128 as its last byte.
  const float clamped = fminf(fmaxf(rounded, -127.0f), 127.0f);
  return __float_as_uint(__fadd_rn(clamped, 8388736.0f)) ^ 0x80u;
}

/// The last bytes of four words in one.
__device__ inline std::uint32_t last_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return __byte_perm(__byte_perm(a, b, 0x0040), __byte_perm(c, d, 0x0040), 0x5410);
}

template <class Shape>
__device__ void divide(const Int8Rows& out, int cols, int chunk, typename Shape::Values& values) {
#pragma unroll
  for (int v = 0; v < Shape::vectors; ++v) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int column = Shape::column(chunk, v) + i;
      if (column < cols) values[v][i] = __fdiv_rn(values[v][i], __ldg(out.divisors + column));
    }
  }
}

__device__ inline void store_codes(const Int8Rows& out, std::int64_t row, int cols, int column,
                                   const std::uint32_t (&codes)[8]) {
  std::int8_t* to = out.codes.data + row * out.codes.stride + column;
  if (out.codes.aligned && column + 8 <= cols) {
    *reinterpret_cast<uint2*>(to) = make_uint2(last_bytes(codes[0], codes[1], codes[2], codes[3]),
                                               last_bytes(codes[4], codes[5], codes[6], codes[7]));
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (column + i < cols) to[i] = static_cast<std::int8_t>(codes[i]);
    }
  }
}

/// Quantizes row `row`; `make(chunk, values)` leaves this thread's values of a chunk in `values`, 0 beyond the row. It is
/// called once for a row of one chunk, and twice for each chunk otherwise. Called by all threads of the CTA; `exists` is
/// false for those whose row is beyond the matrix.
template <class Shape, class Make>
__device__ void quantize_row(const Make& make, const Int8Rows& out, std::int64_t row, bool exists, int cols,
                             typename Shape::Values& values) {
  constexpr std::uint32_t infinity_bits = 0x7f800000u;
  const int chunks = Shape::chunks(cols);
  std::uint32_t largest = 0;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    make(chunk, values);
    if (out.divisors != nullptr) divide<Shape>(out, cols, chunk, values);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
#pragma unroll
      for (int i = 0; i < 8; ++i) largest = max(largest, __float_as_uint(values[v][i]) & 0x7fffffffu);
    }
  }
  // As integers magnitudes order like numbers, and infinities and NaN come last.
  largest = row_max<Shape>(largest);
  if (!exists) return;
  const bool is_static = out.static_scale > 0.0f;
  const bool finite = largest < infinity_bits;
  const float chosen = is_static ? out.static_scale : __fdiv_rn(__uint_as_float(largest), 127.0f);
  const float scale = finite ? chosen : __uint_as_float(0x7fc00000u);
  if (threadIdx.x % Shape::threads == 0) out.scales[row] = scale;
  const bool fast = !is_static && divides_by_reciprocal(__float_as_uint(scale));
  const float reciprocal = fast ? __frcp_rn(scale) : 0.0f;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    if (chunks > 1) {
      make(chunk, values);
      if (out.divisors != nullptr) divide<Shape>(out, cols, chunk, values);
    }
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      const int column = Shape::column(chunk, v);
      if (column >= cols) continue;
      std::uint32_t codes[8] = {};
      if (fast) {
#pragma unroll
        for (int i = 0; i < 8; ++i) codes[i] = rounded_code(quotient_by(values[v][i], scale, reciprocal));
      } else if (scale > 0.0f) {
#pragma unroll
        for (int i = 0; i < 8; ++i) codes[i] = rounded_code(__fdiv_rn(values[v][i], scale));
      }
      store_codes(out, row, cols, column, codes);
    }
  }
}

/// For `rows` tokens of `cols` values, after a check of the shapes.
inline Int8Rows int8_rows(const DeviceInt8Input& input, const DeviceView<std::int8_t>& codes,
                          const DeviceSpan<float>& scales, std::int64_t rows, std::int64_t cols) {
  EXPECT(codes.rows == rows && codes.cols == cols, codes.rows, " x ", codes.cols, " for ", rows, " x ", cols);
  EXPECT(scales.size == rows, scales.size, " scales for ", rows, " rows");
  VALIDATE(input.static_scale >= 0.0f, "a static activation scale of ", input.static_scale,
           " cannot be used, it must be positive and finite (or 0: a scale for each token)");
  VALIDATE(input.divisors.empty() || input.divisors.size == cols, input.divisors.size,
           " divisors do not fit a layer with ", cols, " inputs, there must be one for each input (or none)");
  return {Rows<std::int8_t>(codes), scales.data, input.divisors.empty() ? nullptr : input.divisors.data,
          input.static_scale};
}

}  // namespace device
}  // namespace pare::kernels
