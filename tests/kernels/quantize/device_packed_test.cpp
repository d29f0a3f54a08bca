// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/device_packed.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

/// What a kernel reads from the arrangement: s * (c - z), each where the layout says it lies.
float value_at(const Matrix<std::byte>& bytes, const DevicePackedLayout& layout, const Grid& grid, std::int64_t rows,
               std::int64_t cols, std::int64_t r, std::int64_t c) {
  const std::int64_t groups = packed_layout(grid, rows, cols).groups;
  const std::int64_t group = r * groups + (grid.group_size == 0 ? 0 : c / grid.group_size);
  Float16 scale;
  std::memcpy(&scale, bytes.data() + group * 2, 2);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(cols));
  unpack_codes(grid.bits, bytes.data() + layout.codes_at + r * layout.codes_row_bytes, cols, codes.data());
  const int zero = grid.symmetric ? 1 << (grid.bits - 1) : static_cast<int>(bytes.data()[layout.zeros_at + group]);
  return to_float(scale) * static_cast<float>(codes[static_cast<std::size_t>(c)] - zero);
}

TEST(DevicePacked, ArrangesTheNumbersOfEveryGridForTheGpu) {
  constexpr std::int64_t rows = 5, cols = 44;
  const Matrix<float> weight = random_matrix(rows, cols, 3, 0.05f);
  for (const Grid& grid : {Grid{3, 8, false}, Grid{5, 0, true}, Grid{4, 0, false, true}, Grid{8, 0, true, true}}) {
    std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, rows, cols).total_bytes));
    quantize_round_to_nearest(weight.view(), grid, packed);
    const PackedView view{grid, rows, cols, packed};
    Matrix<float> expected(rows, cols);
    expand_reference(view, expected.view());

    const Matrix<std::byte> bytes = arrange_for_device(view);

    const DevicePackedLayout layout = device_packed_layout(grid, rows, cols);
    EXPECT_EQ(bytes.size(), layout.total_bytes);
    EXPECT_EQ(layout.zeros_at % 256 + layout.codes_at % 256 + layout.codes_row_bytes % 16, 0);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < cols; ++c)
        ASSERT_EQ(value_at(bytes, layout, grid, rows, cols, r, c), expected.row(r)[c])
            << grid.bits << " bits, " << r << ", " << c;
  }
}

}  // namespace
}  // namespace pare::test
