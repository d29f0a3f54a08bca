// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/gptq_compressor.hpp"

#include "framework/compression/channel_scales.hpp"
#include "framework/compression/gptq.hpp"

namespace pare::framework {

void GptqCompressor::compress(const LayerJob& job, std::span<std::byte> body) const {
  const SweepOrder order =
      job.option.rounding == Option::Rounding::gptq_ordered ? SweepOrder::activation : SweepOrder::natural;
  const InverseHessian& inverse = job.input->inverse(order);
  const GptqSettings settings{.clip = job.option.clip};
  if (job.divisors.empty()) {
    quantize_gptq(job.weight, inverse, job.option.grid, settings, body);
    return;
  }
  const kernels::Matrix<float> scaled = detail::scaled_columns(job.weight, job.divisors);
  quantize_gptq(scaled.view(), inverse, job.option.grid, settings, body);
}

}  // namespace pare::framework
