// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/smooth_scales.hpp"

#include "framework/compression/channel_scales.hpp"

namespace pare::framework {
namespace {

/// max |w[:, j]| over all linears; NaN where a column has one, so that the check that follows sees it.
std::vector<float> largest_weights(std::span<const kernels::MatrixView<const float>> weights, std::size_t inputs) {
  std::vector<float> largest(inputs, 0.0f);
  for (const auto& weight : weights) {
    EXPECT(weight.cols == static_cast<std::int64_t>(inputs), weight.cols, " columns for ", inputs, " inputs");
    for (std::int64_t r = 0; r < weight.rows; ++r) {
      const float* row = weight.row(r);
      for (std::size_t j = 0; j < inputs; ++j) {
        const float magnitude = std::abs(row[j]);
        if (magnitude > largest[j] || std::isnan(magnitude)) largest[j] = magnitude;  // nothing exceeds NaN
      }
    }
  }
  return largest;
}

}  // namespace

std::vector<float> smooth_scales(std::span<const float> largest_inputs,
                                 std::span<const kernels::MatrixView<const float>> weights, double alpha) {
  EXPECT(!largest_inputs.empty() && !weights.empty(), largest_inputs.size(), " inputs, ", weights.size(), " linears");
  VALIDATE(alpha >= 0.0 && alpha <= 1.0, "SmoothQuant's alpha cannot be ", alpha, ", it must be from 0 to 1");
  const std::vector<double> x = detail::floored(largest_inputs, "the largest activation");
  const std::vector<double> w = detail::floored(largest_weights(weights, largest_inputs.size()), "the largest weight");
  std::vector<double> scales(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) scales[j] = std::pow(x[j], alpha) / std::pow(w[j], 1.0 - alpha);
  return detail::centred(scales);
}

}  // namespace pare::framework
