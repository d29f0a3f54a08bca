// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/parallel.hpp"

/// What the methods that move scales between activations and weights have in common: s[j] for input j, by which x is
/// divided and the weights of that input are multiplied.

namespace pare::framework::detail {

/// Channels smaller than this share of the largest one count as that much, so that neither a silent channel nor one
/// without weights gets a scale of 0 or infinity; all 1 when every value is 0. `what` names the values in the error:
/// InputError when one is negative or not finite.
inline std::vector<double> floored(std::span<const float> values, const char* what) {
  constexpr double least_share = 1e-5;
  double largest = 0.0;
  for (std::size_t j = 0; j < values.size(); ++j) {
    VALIDATE(std::isfinite(values[j]) && values[j] >= 0.0f, what, " of input ", j, " is ", values[j],
             ", it must be finite and not negative");
    largest = std::max<double>(largest, values[j]);
  }
  std::vector<double> result(values.size(), 1.0);
  if (largest == 0.0) return result;
  for (std::size_t j = 0; j < values.size(); ++j) result[j] = std::max<double>(values[j], least_share * largest);
  return result;
}

/// s / sqrt(max s * min s): the scales then lie around 1, as many powers of two above as below.
inline std::vector<float> centred(std::span<const double> scales) {
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  const double centre = std::sqrt(*least) * std::sqrt(*most);
  std::vector<float> result(scales.size());
  for (std::size_t j = 0; j < scales.size(); ++j) result[j] = static_cast<float>(scales[j] / centre);
  return result;
}

/// weight * diag(scales), [outputs, inputs]. Parallel over rows.
inline kernels::Matrix<float> scaled_columns(kernels::MatrixView<const float> weight, std::span<const float> scales) {
  kernels::Matrix<float> scaled(weight.rows, weight.cols);
  kernels::parallel_for(weight.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t j = 0; j < weight.cols; ++j)
        scaled.row(r)[j] = weight.row(r)[j] * scales[static_cast<std::size_t>(j)];
  });
  return scaled;
}

}  // namespace pare::framework::detail
