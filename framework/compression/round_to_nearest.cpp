// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/round_to_nearest.hpp"

#include "kernels/core/matrix.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"

namespace pare::framework {
namespace {

/// Row sums first, in order, so that the result does not depend on how anything was split.
LocalError local_error(kernels::MatrixView<const float> weight, kernels::MatrixView<const float> approximation) {
  LocalError total;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    double row_error = 0;
    double row_energy = 0;
    for (std::int64_t c = 0; c < weight.cols; ++c) {
      const double w = weight.row(r)[c];
      const double difference = w - approximation.row(r)[c];
      row_error += difference * difference;
      row_energy += w * w;
    }
    total.squared_error += row_error;
    total.squared_weights += row_energy;
  }
  return total;
}

}  // namespace

std::int64_t RoundToNearest::packed_bytes(const Option& option, std::int64_t outputs, std::int64_t inputs) const {
  return kernels::packed_layout(option.grid, outputs, inputs).total_bytes;
}

LocalError RoundToNearest::compress(const Option& option, kernels::MatrixView<const float> weight,
                                    std::span<std::byte> packed) const {
  kernels::quantize_round_to_nearest(weight, option.grid, packed);
  kernels::Matrix<float> approximation(weight.rows, weight.cols);
  kernels::expand({option.grid, weight.rows, weight.cols, packed}, approximation.view());
  return local_error(weight, approximation.view());
}

}  // namespace pare::framework
