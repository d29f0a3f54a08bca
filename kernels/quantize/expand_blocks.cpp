// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/expand_blocks.hpp"

#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/block_bits.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;

template <int weights>
void expand_run(const std::uint8_t* codes, float scale, int zero, float* out) {
#pragma omp simd
  for (int i = 0; i < weights; ++i) out[i] = scale * static_cast<float>(codes[i] - zero);
}

template <int weights>
void expand_run_above(const std::uint8_t* codes, float scale, float minimum, float* out) {
#pragma omp simd
  for (int i = 0; i < weights; ++i) out[i] = scale * static_cast<float>(codes[i]) - minimum;
}

void expand_uneven(const BlockFields& fields, float* out) {
  const float d = to_float(fields.d);
  for (std::size_t i = 0; i < 32; ++i) out[i] = d * static_cast<float>(uneven_levels[fields.codes[i]]);
}

void expand_scaled(const BlockFields& fields, int zero, float* out) {
  const float d = to_float(fields.d);
  for (std::size_t j = 0; j < 16; ++j) {
    const float scale = d * static_cast<float>(fields.scales[j]);
    expand_run<16>(fields.codes.data() + 16 * j, scale, zero, out + 16 * j);
  }
}

template <int weights>
void expand_above_minimum(const BlockFields& fields, float* out) {
  const float d = to_float(fields.d);
  const float dmin = to_float(fields.dmin);
  for (std::size_t j = 0; j < 256 / weights; ++j) {
    const float scale = d * static_cast<float>(fields.scales[j]);
    const float minimum = dmin * static_cast<float>(fields.minimums[j]);
    expand_run_above<weights>(fields.codes.data() + weights * j, scale, minimum, out + weights * j);
  }
}

void expand_block(BlockFormat format, const BlockFields& fields, float* out) {
  switch (format) {
    case BlockFormat::q4_0:
      return expand_run<32>(fields.codes.data(), to_float(fields.d), 8, out);
    case BlockFormat::q5_0:
      return expand_run<32>(fields.codes.data(), to_float(fields.d), 16, out);
    case BlockFormat::q8_0:
      return expand_run<32>(fields.codes.data(), to_float(fields.d), 128, out);
    case BlockFormat::iq4_nl:
      return expand_uneven(fields, out);
    case BlockFormat::q3_k:
      return expand_scaled(fields, 4, out);
    case BlockFormat::q6_k:
      return expand_scaled(fields, 32, out);
    case BlockFormat::q2_k:
      return expand_above_minimum<16>(fields, out);
    case BlockFormat::q4_k:
    case BlockFormat::q5_k:
      return expand_above_minimum<32>(fields, out);
  }
  throw InternalError(pare::detail::concatenate("block format ", static_cast<int>(format)));
}

}  // namespace

void expand_blocks(BlockFormat format, std::int64_t rows, std::int64_t cols, std::span<const std::byte> packed,
                   MatrixView<float> out) {
  const std::int64_t bytes = blocks_bytes(format, rows, cols);
  VALIDATE(static_cast<std::int64_t>(packed.size()) == bytes, "a ", rows, " x ", cols, " matrix in ",
           block_format_name(format), " has ", packed.size(), " bytes, it must have ", bytes);
  EXPECT(out.rows == rows && out.cols == cols, out.rows, " x ", out.cols, " for ", rows, " x ", cols);
  const BlockShape shape = block_shape(format);
  parallel_for(rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    BlockFields fields;
    for (std::int64_t r = begin; r < end; ++r) {
      const std::byte* block = packed.data() + bytes / rows * r;
      for (std::int64_t c = 0; c < cols; c += shape.weights, block += shape.bytes) {
        unpack_block(format, block, fields);
        expand_block(format, fields, out.row(r) + c);
      }
    }
  });
}

}  // namespace pare::kernels
