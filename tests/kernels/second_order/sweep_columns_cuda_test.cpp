// SPDX-License-Identifier: Apache-2.0
#include "kernels/second_order/sweep_columns.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/second_order/group_grids.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

class SecondOrderCuda : public CudaTest {};

Matrix<double> widened(const Matrix<float>& x) {
  Matrix<double> wide(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.size(); ++i) wide.data()[i] = x.data()[i];
  return wide;
}

/// As U is: positive on the diagonal, and small beside it.
Matrix<double> upper_factor(std::int64_t n) {
  Matrix<double> u = widened(random_matrix(n, n, 7, 0.1f));
  for (std::int64_t i = 0; i < n; ++i) {
    std::fill_n(u.row(i), i, 0.0);
    u.row(i)[i] = 1.0 + std::abs(u.row(i)[i]);
  }
  return u;
}

/// Every second column from the left, then the others.
Matrix<std::int64_t> some_order(std::int64_t n) {
  Matrix<std::int64_t> order(1, n);
  for (std::int64_t i = 0; i < n; ++i) order.data()[i] = i < (n + 1) / 2 ? 2 * i : 2 * (i - (n + 1) / 2) + 1;
  return order;
}

Matrix<std::int64_t> natural_order(std::int64_t n) {
  Matrix<std::int64_t> order(1, n);
  std::iota(order.data(), order.data() + n, std::int64_t{0});
  return order;
}

Matrix<GroupGrid> some_grids(std::int64_t rows, std::int64_t groups, int bits) {
  Matrix<GroupGrid> grids(rows, groups);
  for (std::int64_t i = 0; i < grids.size(); ++i)
    grids.data()[i] = {to_float16(i % 11 == 10 ? 0.0f : 0.01f * static_cast<float>(1 + i % 7)),
                       static_cast<std::uint8_t>((1 << bits) / 2 - i % 2)};
  return grids;
}

struct Case {
  std::int64_t rows, cols, begin, end;
  int bits = 0;  ///< 0: not rounded
  std::int64_t group_size = 0;
  std::int64_t grid_rows = 0;
  bool pruned = false;
  int kept = 0, of = 0;
};

class SweepColumnsCuda : public SecondOrderCuda, public testing::WithParamInterface<Case> {};

TEST_P(SweepColumnsCuda, EqualsThePlainLoop) {
  const Case& c = GetParam();
  Matrix<double> weights = widened(random_matrix(c.rows, c.cols, 3));
  const Matrix<double> factor = upper_factor(c.cols);
  const Matrix<std::int64_t> order = c.pruned ? natural_order(c.cols) : some_order(c.cols);
  Matrix<GroupGrid> grids;
  if (c.bits > 0) grids = some_grids(c.grid_rows, (c.cols + c.group_size - 1) / c.group_size, c.bits);
  Matrix<std::uint8_t> codes(c.rows, c.cols), keep(c.rows, c.cols);
  std::fill_n(codes.data(), codes.size(), std::uint8_t{0xff});
  for (std::int64_t i = 0; i < keep.size(); ++i) keep.data()[i] = i % 3 != 0;
  Matrix<double> errors(c.rows, c.end - c.begin);
  auto there_weights = on_device(weights.view(), stream());
  auto there_factor = on_device(factor.view(), stream());
  auto there_order = on_device(order.view(), stream());
  auto there_grids = on_device(grids.view(), stream());
  auto there_codes = on_device(codes.view(), stream());
  auto there_keep = on_device(keep.view(), stream());
  auto there_errors = poisoned_on_device<double>(c.rows, 128);
  ColumnSweep<MatrixView> here{weights.view(), factor.view(), order.view(), {}, {}};
  ColumnSweep<DeviceView> there{there_weights.view(), there_factor.view(), there_order.view(), {}, {}};
  if (c.bits > 0) {
    here.rounding = {grids.view(), codes.view(), c.bits, c.group_size};
    there.rounding = {there_grids.view(), there_codes.view(), c.bits, c.group_size};
  }
  if (c.pruned) {
    here.pruning = {keep.view(), c.kept, c.of};
    there.pruning = {there_keep.view(), c.kept, c.of};
  }

  sweep_columns(there, c.begin, c.end, there_errors.view().cols_from(0, c.end - c.begin), stream());

  sweep_columns(here, c.begin, c.end, errors.view());
  const Matrix<double> read = on_host(there_weights, stream()), read_errors = on_host(there_errors, stream());
  const Matrix<std::uint8_t> read_codes = on_host(there_codes, stream()), read_keep = on_host(there_keep, stream());
  for (std::int64_t r = 0; r < c.rows; ++r) {
    for (std::int64_t j = 0; j < c.cols; ++j) {
      ASSERT_EQ(read_codes.row(r)[j], codes.row(r)[j]) << r << ", " << j;
      ASSERT_EQ(read_keep.row(r)[j], keep.row(r)[j]) << r << ", " << j;
      // Each of up to 128 updates rounds twice at most, and errors of some units pass from column to column.
      ASSERT_NEAR(read.row(r)[j], weights.row(r)[j], 1e-11) << r << ", " << j;
    }
    for (std::int64_t j = 0; j < c.end - c.begin; ++j)
      ASSERT_NEAR(read_errors.row(r)[j], errors.row(r)[j], 1e-11) << r << ", " << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, SweepColumnsCuda,
                         testing::Values(Case{5, 300, 0, 128, 4, 32, 5}, Case{3, 300, 128, 256, 3, 300, 3},
                                         Case{6, 300, 256, 300, 8, 300, 1}, Case{4, 7, 0, 7, 2, 8, 4},
                                         Case{1, 40, 32, 33, 4, 8, 1}, Case{9, 160, 32, 160, 4, 32, 9, true, 0, 0},
                                         Case{9, 160, 32, 160, 4, 32, 9, true, 2, 4},
                                         Case{9, 128, 0, 128, 0, 0, 0, true, 0, 0},
                                         Case{9, 300, 150, 270, 0, 0, 0, true, 3, 5},
                                         Case{9, 256, 128, 256, 0, 0, 0, true, 77, 128}));

class GroupGridsCuda : public SecondOrderCuda, public testing::WithParamInterface<Grid> {};

TEST_P(GroupGridsCuda, EqualThePlainLoop) {
  const Grid grid = GetParam();
  constexpr std::int64_t rows = 7, cols = 300;
  Matrix<double> weights = widened(random_matrix(rows, cols, 5));
  std::fill_n(weights.row(1), cols, 0.0);
  for (std::int64_t c = 0; c < cols; ++c) {
    weights.row(2)[c] *= 1e-9;  // scales of the smallest binary16
    weights.row(3)[c] *= 1e9;   // and infinite ones
    weights.row(4)[c] = std::abs(weights.row(4)[c]);
  }
  const Matrix<std::int64_t> position = some_order(cols);
  Matrix<float> importance = random_matrix(1, cols, 6);
  for (std::int64_t c = 0; c < cols; ++c) importance.data()[c] = std::abs(importance.data()[c]);
  const std::int64_t groups = grid.group_size == 0 ? 1 : (cols + grid.group_size - 1) / grid.group_size;
  const auto there_weights = on_device(weights.view(), stream());
  const auto there_position = on_device(position.view(), stream());
  const auto there_importance = on_device(importance.view(), stream());
  for (const bool clip : {false, true}) {
    Matrix<GroupGrid> expected(rows, groups);
    DeviceMatrix<GroupGrid> grids(rows, groups);

    make_group_grids(there_weights.view(), there_position.view(),
                     clip ? there_importance.view() : DeviceView<const float>(), grid, 0, groups, grids.view(),
                     stream());

    make_group_grids(weights.view(), position.view(), clip ? importance.view() : MatrixView<const float>(), grid, 0,
                     groups, expected.view());
    const Matrix<GroupGrid> read = on_host(grids, stream());
    for (std::int64_t i = 0; i < read.size(); ++i) {
      ASSERT_EQ(read.data()[i].scale.bits, expected.data()[i].scale.bits) << i << ", clip " << clip;
      ASSERT_EQ(read.data()[i].zero, expected.data()[i].zero) << i << ", clip " << clip;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Grids, GroupGridsCuda,
                         testing::Values(Grid{4, 128, false}, Grid{2, 32, false}, Grid{3, 96, true}, Grid{8, 0, false},
                                         Grid{8, 8, true}));

}  // namespace
}  // namespace pare::test
