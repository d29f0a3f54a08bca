// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(Matrix, IsAlignedAndKeepsItsAllocationWhenItShrinks) {
  Matrix<float> matrix(3, 5);
  const float* before = matrix.data();

  matrix.reshape(5, 3);

  EXPECT_EQ(matrix.data(), before);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(before) % 64, 0u);
  EXPECT_EQ(matrix.row(2), before + 6);
}

TEST(MatrixView, CutsRowsAndColumns) {
  float values[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const MatrixView<float> view(values, 3, 4);

  const MatrixView<const float> part = view.rows_from(1, 2).cols_from(2, 2);

  EXPECT_EQ(part.row(0)[0], 6.0f);
  EXPECT_EQ(part.row(1)[1], 11.0f);
  EXPECT_FALSE(part.contiguous());
  EXPECT_TRUE(view.rows_from(1, 2).contiguous());
}

#ifndef NDEBUG
TEST(MatrixView, RefusesToCutOutside) {
  float values[12] = {};
  const MatrixView<float> view(values, 3, 4);

  EXPECT_THROW(view.rows_from(2, 2), InternalError);
  EXPECT_THROW(view.cols_from(-1, 2), InternalError);
}
#endif

}  // namespace
}  // namespace pare::test
