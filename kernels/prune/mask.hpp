// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/matrix.hpp"

namespace pare::kernels {

/// Which weights of one linear layer [rows = outputs, cols = inputs] are removed: either `kept` of every `of`
/// neighbouring inputs of a row stay (N:M, `of` > 0), or a share `ratio` is removed wherever scores are lowest.
struct SparsityPattern {
  enum class Compare { layer, row };

  int kept = 0;      ///< N of N:M, 1 .. of - 1
  int of = 0;        ///< M of N:M, 2 .. 256; 0: unstructured
  double ratio = 0;  ///< unstructured: share of the weights removed, above 0 and below 1
  /// Unstructured: removes round(ratio * rows * cols) weights of the layer, or round(ratio * cols) of each row.
  Compare compare = Compare::layer;

  bool operator==(const SparsityPattern&) const = default;
};

/// How many weights stay; exact. Throws InputError for an impossible pattern, an empty shape, N:M on a width that is
/// no multiple of M, and a ratio that would remove nothing or everything of what is compared.
std::int64_t kept_weights(const SparsityPattern& pattern, std::int64_t rows, std::int64_t cols);

/// 1 for weights that stay, 0 for those that are removed: the lowest scores go; among equals, those with the lowest
/// index (row by row) stay. Throws InputError as kept_weights does, and for a score that is NaN.
Matrix<std::uint8_t> select_mask(MatrixView<const float> scores, const SparsityPattern& pattern);

/// The same for any part of a layer: removes the `count` lowest scores of the whole view.
void remove_lowest(MatrixView<const float> scores, std::int64_t count, MatrixView<std::uint8_t> keep);

}  // namespace pare::kernels
