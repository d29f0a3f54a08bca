// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/round_to_nearest.hpp"

#include <cstring>
#include <vector>

#include "framework/compression/awq_scales.hpp"
#include "framework/compression/channel_scales.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/round_to_nearest.hpp"

namespace pare::framework {
namespace {

void round_to_bfloat16(kernels::MatrixView<const float> weight, std::span<std::byte> body) {
  std::byte* next = body.data();
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < weight.cols; ++c, next += 2) {
      const kernels::BFloat16 value = kernels::to_bfloat16(weight.row(r)[c]);
      std::memcpy(next, &value, 2);
    }
  }
}

}  // namespace

void RoundToNearest::compress(const LayerJob& job, std::span<std::byte> body) const {
  const Option& option = job.option;
  if (option.weights == Option::Weights::original) {
    round_to_bfloat16(job.weight, body);
  } else if (option.clip) {
    const kernels::Matrix<float> smoothed =
        job.divisors.empty() ? kernels::Matrix<float>() : detail::scaled_columns(job.weight, job.divisors);
    kernels::quantize_clipped(job.divisors.empty() ? job.weight : smoothed.view(), {}, option.grid, body);
  } else if (!job.divisors.empty()) {
    const std::vector<float> diagonal = job.clip ? job.input->statistics().diagonal() : std::vector<float>{};
    quantize_scaled(job.weight, job.divisors, diagonal, option.grid, body);
  } else {
    kernels::quantize_round_to_nearest(job.weight, option.grid, body);
  }
}

}  // namespace pare::framework
