// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gram.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/core/parallel.hpp"
#include "kernels/gemm/one_thread.hpp"

namespace pare::kernels {
namespace {

/// Inputs of a tile. The tiles depend on the shape alone: were they split by threads, so would be the sums.
constexpr std::int64_t tile = 256;

/// The tile of sums whose upper left corner is (i, j).
void add_tile(MatrixView<const float> x, std::int64_t i, std::int64_t j, MatrixView<float> sums) {
  const std::int64_t rows = std::min(tile, x.cols - i);
  const std::int64_t cols = std::min(tile, x.cols - j);
  const dnnl::status status = dnnl::sgemm('T', 'N', rows, cols, x.rows, 1.0f, x.data + i, x.stride, x.data + j,
                                          x.stride, 1.0f, sums.row(i) + j, sums.stride);
  if (status != dnnl::status::success) {
    throw InternalError(pare::detail::concatenate("oneDNN could not multiply [", rows, ", ", x.rows, "] and [", x.rows,
                                                  ", ", cols, "]: status ", static_cast<int>(status)));
  }
  for (std::int64_t c = j; c < j + cols; ++c) {
    for (std::int64_t r = i; r < std::min(i + rows, c); ++r) sums.row(c)[r] = sums.row(r)[c];
  }
}

}  // namespace

void add_gram(MatrixView<const float> x, MatrixView<float> sums) {
  EXPECT(sums.rows == x.cols && sums.cols == x.cols, sums.rows, " x ", sums.cols, " for ", x.cols, " inputs");
  if (x.rows == 0 || x.cols == 0) return;
  std::vector<std::pair<std::int64_t, std::int64_t>> corners;
  for (std::int64_t i = 0; i < x.cols; i += tile) {
    for (std::int64_t j = i; j < x.cols; j += tile) corners.emplace_back(i, j);
  }
  parallel_for(static_cast<std::int64_t>(corners.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const detail::OneThread one_thread;
    for (std::int64_t k = begin; k < end; ++k) {
      const auto [i, j] = corners[static_cast<std::size_t>(k)];
      add_tile(x, i, j, sums);
    }
  });
}

}  // namespace pare::kernels
