// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sweep_inputs.hpp"

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/group_grid.hpp"

namespace pare::framework {

std::vector<float> sweep_importance(const SweepInputs& inputs) {
  std::vector<float> importance(inputs.order.size());
  for (std::size_t i = 0; i < importance.size(); ++i) {
    const auto c = static_cast<std::size_t>(inputs.order[i]);
    const double u = inputs.diagonal[i];
    importance[c] = inputs.dead[c] != 0 ? 0.0f : static_cast<float>(1.0 / (u * u));
  }
  return importance;
}

kernels::Matrix<float> live_weights(kernels::MatrixView<const float> weight, const SweepInputs& inputs) {
  kernels::Matrix<float> live(weight.rows, weight.cols);
  kernels::parallel_for(weight.rows, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      kernels::require_finite_row(weight, r);
      for (std::int64_t c = 0; c < weight.cols; ++c)
        live.row(r)[c] = inputs.dead[static_cast<std::size_t>(c)] != 0 ? 0.0f : weight.row(r)[c];
    }
  });
  return live;
}

kernels::GroupGrid tensor_grid(kernels::MatrixView<const float> live, const SweepInputs& inputs,
                               const kernels::Grid& grid, bool clip) {
  const kernels::GroupRange range = kernels::range_of_tensor(live);
  const kernels::GroupGrid whole = kernels::min_max_tensor_grid(range, grid);
  if (!clip) return whole;
  return kernels::clipped_tensor_grid(live, sweep_importance(inputs).data(), range, grid);
}

}  // namespace pare::framework
