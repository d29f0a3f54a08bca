// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/cholesky.hpp"

#include <Eigen/Cholesky>

#include "framework/compression/eigen_view.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::framework {
namespace {

using kernels::MatrixView;

constexpr std::int64_t tile = 128;

std::int64_t tile_count(std::int64_t n) {
  return (n + tile - 1) / tile;
}

/// Calls body(t) for t in [0, count), where the work grows or shrinks steadily with t: a thread gets t together with
/// its opposite, so that all have the same.
template <class Body>
void parallel_for_pairs(std::int64_t count, const Body& body) {
  kernels::parallel_for((count + 1) / 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      body(t);
      if (count - 1 - t != t) body(count - 1 - t);
    }
  });
}

}  // namespace

/// Right-looking: factor a diagonal tile, solve the panel below it, subtract the panel's product from what is left.
bool factor_cholesky(MatrixView<double> a) {
  EXPECT(a.rows == a.cols, a.rows, " x ", a.cols);
  const std::int64_t n = a.rows;
  RowMajorMap whole = eigen_view(a);
  for (std::int64_t begin = 0; begin < n; begin += tile) {
    const std::int64_t width = std::min(tile, n - begin);
    const std::int64_t end = begin + width;
    const Eigen::LLT<RowMajor> diagonal(whole.block(begin, begin, width, width));
    if (diagonal.info() != Eigen::Success) return false;
    whole.block(begin, begin, width, width).triangularView<Eigen::Lower>() = diagonal.matrixLLT();
    const auto upper = diagonal.matrixLLT().transpose().triangularView<Eigen::Upper>();

    const auto rows_of = [&](std::int64_t t) { return std::min(tile, n - end - t * tile); };
    const auto panel = [&](std::int64_t t) { return whole.block(end + t * tile, begin, rows_of(t), width); };
    const std::int64_t tiles = tile_count(n - end);
    kernels::parallel_for(tiles, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t t = first; t < last; ++t) {
        auto rows = panel(t);
        upper.solveInPlace<Eigen::OnTheRight>(rows);
      }
    });
    parallel_for_pairs(tiles, [&](std::int64_t t) {
      for (std::int64_t u = 0; u <= t; ++u) {
        auto target = whole.block(end + t * tile, end + u * tile, rows_of(t), rows_of(u));
        if (u < t) {
          target.noalias() -= panel(t) * panel(u).transpose();
        } else {
          target.triangularView<Eigen::Lower>() -= panel(t) * panel(t).transpose();
        }
      }
    });
  }
  return true;
}

/// The columns of one tile at a time: L X = I, where X begins in the row of the tile's first column.
void invert_lower(MatrixView<const double> lower, MatrixView<double> inverse) {
  EXPECT(lower.rows == lower.cols && inverse.rows == lower.rows && inverse.cols == lower.cols, lower.rows, " x ",
         lower.cols, " into ", inverse.rows, " x ", inverse.cols);
  const std::int64_t n = lower.rows;
  const ConstRowMajorMap factor = eigen_view(lower);
  RowMajorMap out = eigen_view(inverse);
  parallel_for_pairs(tile_count(n), [&](std::int64_t t) {
    const std::int64_t begin = t * tile;
    const std::int64_t width = std::min(tile, n - begin);
    RowMajor columns = RowMajor::Identity(n - begin, width);
    factor.block(begin, begin, n - begin, n - begin).triangularView<Eigen::Lower>().solveInPlace(columns);
    out.block(0, begin, begin, width).setZero();
    out.block(begin, begin, n - begin, width) = columns;
  });
}

void solve_from_right(MatrixView<const double> lower, MatrixView<double> b) {
  EXPECT(lower.rows == lower.cols && b.cols == lower.rows, lower.rows, " x ", lower.cols, " for ", b.cols);
  const ConstRowMajorMap factor = eigen_view(lower);
  RowMajorMap out = eigen_view(b);
  kernels::parallel_for(tile_count(b.rows), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      auto rows = out.middleRows(t * tile, std::min(tile, b.rows - t * tile));
      factor.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(rows);
      factor.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(rows);
    }
  });
}

}  // namespace pare::framework
