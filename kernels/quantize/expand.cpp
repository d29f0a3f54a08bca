// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/expand.hpp"

#include <algorithm>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;

void expand_group(const std::uint8_t* codes, std::int64_t count, float scale, int zero, float* out) {
#pragma omp simd
  for (std::int64_t c = 0; c < count; ++c) out[c] = scale * static_cast<float>(codes[c] - zero);
}

void expand_group(const std::uint8_t* codes, std::int64_t count, float scale, int zero, BFloat16* out) {
#pragma omp simd
  for (std::int64_t c = 0; c < count; ++c) out[c] = to_bfloat16(scale * static_cast<float>(codes[c] - zero));
}

/// A row of codes is unpacked to bytes that stay in the first cache, then each group is scaled.
template <class T>
void expand_rows(const PackedView& packed, MatrixView<T> out) {
  const PackedLayout layout = checked_layout(packed);
  EXPECT(out.rows == packed.rows && out.cols == packed.cols, out.rows, " x ", out.cols);
  const Grid& grid = packed.grid;
  const std::int64_t group_size = grid.group_size == 0 ? packed.cols : grid.group_size;
  parallel_for(packed.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(packed.cols));
    std::vector<std::uint8_t> zeros(static_cast<std::size_t>(layout.groups),
                                    static_cast<std::uint8_t>(1 << (grid.bits - 1)));
    for (std::int64_t r = begin; r < end; ++r) {
      unpack_codes(grid.bits, codes_of_row(packed, layout, r), packed.cols, codes.data());
      if (!grid.symmetric) unpack_codes(grid.bits, zeros_of_row(packed, layout, r), layout.groups, zeros.data());
      for (std::int64_t g = 0; g < layout.groups; ++g) {
        const std::int64_t first = g * group_size;
        expand_group(codes.data() + first, std::min(group_size, packed.cols - first),
                     scale_of_group(packed, layout, r, g), zeros[static_cast<std::size_t>(g)], out.row(r) + first);
      }
    }
  });
}

}  // namespace

void expand(const PackedView& packed, MatrixView<float> out) {
  expand_rows(packed, out);
}

void expand(const PackedView& packed, MatrixView<BFloat16> out) {
  expand_rows(packed, out);
}

void expand_int8(const PackedView& packed, MatrixView<std::int8_t> codes, std::span<float> scales) {
  const PackedLayout layout = checked_layout(packed);
  VALIDATE(packed.grid.symmetric && layout.groups == 1, "an int8 GEMM cannot use a grid that is ",
           packed.grid.symmetric ? "symmetric" : "asymmetric", " with ", layout.groups,
           " groups a row, it needs a symmetric grid with one group a row");
  EXPECT(codes.rows == packed.rows && codes.cols == packed.cols, codes.rows, " x ", codes.cols);
  EXPECT(static_cast<std::int64_t>(scales.size()) == packed.rows, scales.size());
  const int zero = 1 << (packed.grid.bits - 1);
  parallel_for(packed.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      auto* row = reinterpret_cast<std::uint8_t*>(codes.row(r));
      unpack_codes(packed.grid.bits, codes_of_row(packed, layout, r), packed.cols, row);
#pragma omp simd
      for (std::int64_t c = 0; c < packed.cols; ++c) row[c] = static_cast<std::uint8_t>(row[c] - zero);
      scales[static_cast<std::size_t>(r)] = scale_of_group(packed, layout, r, 0);
    }
  });
}

}  // namespace pare::kernels
