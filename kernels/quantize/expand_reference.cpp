// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::kernels {
namespace {

/// Code i of a little-endian bit stream, bit by bit.
int code_at(const std::byte* row, int bits, std::int64_t i) {
  int code = 0;
  for (int b = 0; b < bits; ++b) {
    const std::int64_t position = i * bits + b;
    const int bit = (std::to_integer<int>(row[position / 8]) >> (position % 8)) & 1;
    code |= bit << b;
  }
  return code;
}

}  // namespace

void expand_reference(const PackedView& packed, MatrixView<float> out) {
  const PackedLayout layout = checked_layout(packed);
  EXPECT(out.rows == packed.rows && out.cols == packed.cols, out.rows, " x ", out.cols);
  const std::int64_t group_size = packed.grid.group_size == 0 ? packed.cols : packed.grid.group_size;
  for (std::int64_t r = 0; r < packed.rows; ++r) {
    for (std::int64_t c = 0; c < packed.cols; ++c) {
      const std::int64_t g = c / group_size;
      const int bits = packed.grid.bits;
      const int zero = packed.grid.symmetric ? 1 << (bits - 1) : code_at(zeros_of_row(packed, layout, r), bits, g);
      const int code = code_at(codes_of_row(packed, layout, r), bits, c);
      out.row(r)[c] = scale_of_group(packed, layout, r, g) * static_cast<float>(code - zero);
    }
  }
}

}  // namespace pare::kernels
