// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sweep_plan.hpp"

#include "kernels/core/parallel.hpp"

namespace pare::framework {

std::int64_t end_of_block(std::int64_t begin, std::int64_t block, std::int64_t cols,
                          std::initializer_list<std::int64_t> chunks) {
  std::int64_t end = std::min(begin + block, cols);
  for (bool moved = end < cols; moved;) {
    moved = false;
    for (const std::int64_t chunk : chunks) {
      const std::int64_t start = end / chunk * chunk;
      if (start > begin && start < end) {
        end = start;
        moved = true;
      }
    }
  }
  return end;
}

void choose_columns(const kernels::SparsityPattern& pattern, std::int64_t begin,
                    kernels::MatrixView<const float> scores, kernels::MatrixView<std::uint8_t> keep) {
  const bool by_row = pattern.compare == kernels::SparsityPattern::Compare::row;
  const std::int64_t compared = by_row ? 1 : scores.rows;
  const auto removed_until = [&](std::int64_t cols) {
    return std::llround(pattern.ratio * static_cast<double>(compared * cols));
  };
  const std::int64_t count = removed_until(begin + scores.cols) - removed_until(begin);
  kernels::parallel_for(scores.rows / compared, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) {
      kernels::remove_lowest(scores.rows_from(part * compared, compared), count,
                             keep.rows_from(part * compared, compared));
    }
  });
}

}  // namespace pare::framework
