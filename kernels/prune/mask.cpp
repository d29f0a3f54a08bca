// SPDX-License-Identifier: Apache-2.0
#include "kernels/prune/mask.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/core/parallel.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;
constexpr int most_neighbours = 256;  // an index of a kept weight has 8 bits at most

void check_scores(MatrixView<const float> scores) {
  parallel_for(scores.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t c = 0; c < scores.cols; ++c) {
        VALIDATE(!std::isnan(scores.row(r)[c]), "the pruning score in row ", r, ", column ", c,
                 " is NaN and has no order, look at the weights and the calibration data");
      }
    }
  });
}

std::int64_t removed_of(double ratio, std::int64_t count) {
  return std::llround(ratio * static_cast<double>(count));
}

}  // namespace

std::int64_t kept_weights(const SparsityPattern& pattern, std::int64_t rows, std::int64_t cols) {
  VALIDATE(rows > 0 && cols > 0, "a sparse matrix of ", rows, " x ", cols, " is empty, both sides must be positive");
  if (pattern.of != 0) {
    VALIDATE(pattern.of >= 2 && pattern.of <= most_neighbours && pattern.kept >= 1 && pattern.kept < pattern.of,
             "a pattern of ", pattern.kept, ":", pattern.of,
             " is not possible, use N:M with 1 <= N < M <= ", most_neighbours);
    VALIDATE(cols % pattern.of == 0, "a layer of ", cols, " inputs cannot be pruned ", pattern.kept, ":", pattern.of,
             ", its width must be a multiple of ", pattern.of);
    return rows * (cols / pattern.of * pattern.kept);
  }
  VALIDATE(pattern.ratio > 0.0 && pattern.ratio < 1.0, "a share of ", pattern.ratio,
           " of the weights cannot be removed, use a ratio above 0 and below 1");
  const std::int64_t parts = pattern.compare == SparsityPattern::Compare::row ? rows : 1;
  const std::int64_t compared = rows * cols / parts;
  const std::int64_t removed = removed_of(pattern.ratio, compared);
  VALIDATE(removed > 0 && removed < compared, "a ratio of ", pattern.ratio, " removes ", removed, " of ", compared,
           " weights, at least one must go and one must stay");
  return parts * (compared - removed);
}

void remove_lowest(MatrixView<const float> scores, std::int64_t count, MatrixView<std::uint8_t> keep) {
  EXPECT(keep.rows == scores.rows && keep.cols == scores.cols, keep.rows, " x ", keep.cols);
  EXPECT(count >= 0 && count <= scores.rows * scores.cols, count, " of ", scores.rows * scores.cols);
  for (std::int64_t r = 0; r < keep.rows; ++r) std::fill_n(keep.row(r), keep.cols, std::uint8_t{1});
  if (count == 0) return;
  std::vector<float> sorted;
  sorted.reserve(static_cast<std::size_t>(scores.rows * scores.cols));
  for (std::int64_t r = 0; r < scores.rows; ++r) {
    sorted.insert(sorted.end(), scores.row(r), scores.row(r) + scores.cols);
  }
  std::nth_element(sorted.begin(), sorted.begin() + (count - 1), sorted.end());
  const float threshold = sorted[static_cast<std::size_t>(count - 1)];
  std::int64_t equals = count;  // how many of those that equal the threshold go, the last ones first
  for (const float score : sorted) equals -= score < threshold;
  for (std::int64_t r = scores.rows - 1; r >= 0; --r) {
    for (std::int64_t c = scores.cols - 1; c >= 0; --c) {
      const float score = scores.row(r)[c];
      if (score < threshold || (score == threshold && equals-- > 0)) keep.row(r)[c] = 0;
    }
  }
}

Matrix<std::uint8_t> select_mask(MatrixView<const float> scores, const SparsityPattern& pattern) {
  kept_weights(pattern, scores.rows, scores.cols);
  check_scores(scores);
  Matrix<std::uint8_t> keep(scores.rows, scores.cols);
  if (pattern.of == 0 && pattern.compare == SparsityPattern::Compare::layer) {
    remove_lowest(scores, removed_of(pattern.ratio, scores.rows * scores.cols), keep.view());
    return keep;
  }
  const std::int64_t width = pattern.of == 0 ? scores.cols : pattern.of;
  const std::int64_t removed = pattern.of == 0 ? removed_of(pattern.ratio, scores.cols) : pattern.of - pattern.kept;
  parallel_for(scores.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t c = 0; c < scores.cols; c += width) {
        remove_lowest({scores.row(r) + c, 1, width}, removed, {keep.row(r) + c, 1, width});
      }
    }
  });
  return keep;
}

}  // namespace pare::kernels
