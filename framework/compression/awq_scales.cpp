// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/awq_scales.hpp"

#include <limits>

#include "framework/compression/channel_scales.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"

namespace pare::framework {
namespace {

constexpr int alpha_steps = 20;
constexpr std::int64_t rows_per_part = 16;

/// The error of the outputs of one linear: of D = Q(W diag(s)) diag(1 / s) - W, in binary32.
double linear_error(kernels::MatrixView<const float> weight, std::span<const float> scales,
                    std::span<const float> clip_diagonal, const kernels::Grid& grid, const OutputError& output_error) {
  const auto bytes = static_cast<std::size_t>(kernels::packed_layout(grid, weight.rows, weight.cols).total_bytes);
  std::vector<std::byte> packed(bytes);
  quantize_scaled(weight, scales, clip_diagonal, grid, packed);
  kernels::Matrix<float> difference(weight.rows, weight.cols);
  kernels::expand({grid, weight.rows, weight.cols, packed}, difference.view());
  kernels::parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* w = weight.row(r);
      float* d = difference.row(r);
      for (std::int64_t j = 0; j < weight.cols; ++j) d[j] = d[j] / scales[static_cast<std::size_t>(j)] - w[j];
    }
  });
  const double error = output_error(difference.view());
  VALIDATE(std::isfinite(error), "the error of the outputs is ", error, ", weights and moments of x are too large");
  return error;
}

}  // namespace

void quantize_scaled(kernels::MatrixView<const float> weight, std::span<const float> scales,
                     std::span<const float> clip_diagonal, const kernels::Grid& grid, std::span<std::byte> packed) {
  EXPECT(static_cast<std::int64_t>(scales.size()) == weight.cols, scales.size(), " scales for ", weight.cols);
  const kernels::Matrix<float> scaled = detail::scaled_columns(weight, scales);
  if (clip_diagonal.empty()) return kernels::quantize_round_to_nearest(scaled.view(), grid, packed);
  EXPECT(clip_diagonal.size() == scales.size(), clip_diagonal.size(), " moments for ", scales.size(), " scales");
  std::vector<float> importance(scales.size());
  for (std::size_t j = 0; j < scales.size(); ++j) importance[j] = clip_diagonal[j] / scales[j] / scales[j];
  kernels::quantize_clipped(scaled.view(), importance, grid, packed);
}

AwqScales search_awq_scales(std::span<const float> mean_magnitudes,
                            std::span<const kernels::MatrixView<const float>> weights, const kernels::Grid& grid,
                            const OutputError& output_error, bool search_clip) {
  EXPECT(!mean_magnitudes.empty() && !weights.empty(), mean_magnitudes.size(), " inputs, ", weights.size(), " linears");
  EXPECT(output_error.diagonal().size() == mean_magnitudes.size(), output_error.diagonal().size(), " inputs");
  const std::vector<double> magnitudes = detail::floored(mean_magnitudes, "the mean magnitude");
  AwqScales best;
  best.error = std::numeric_limits<double>::infinity();
  std::vector<double> powers(magnitudes.size());
  for (int step = 0; step < alpha_steps; ++step) {
    AwqScales tried;
    tried.alpha = static_cast<double>(step) / alpha_steps;
    for (std::size_t j = 0; j < powers.size(); ++j) powers[j] = std::pow(magnitudes[j], tried.alpha);
    tried.scales = detail::centred(powers);
    double rounded_error = 0.0;
    for (const auto& weight : weights) {
      const double rounded = linear_error(weight, tried.scales, {}, grid, output_error);
      const double clipped =
          search_clip ? linear_error(weight, tried.scales, output_error.diagonal(), grid, output_error) : rounded;
      tried.clip.push_back(clipped < rounded);
      tried.error += std::min(clipped, rounded);
      rounded_error += rounded;
    }
    tried.plain_error = step == 0 ? rounded_error : best.plain_error;
    if (tried.error < best.error) best = std::move(tried);
  }
  return best;
}

}  // namespace pare::framework
