// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/gptq_compressor.hpp"

#include "framework/compression/channel_scales.hpp"
#include "framework/compression/gptq.hpp"

namespace pare::framework {

void GptqCompressor::compress(const LayerJob& job, std::span<std::byte> body) const {
  const SweepOrder order =
      job.option.rounding == Option::Rounding::gptq_ordered ? SweepOrder::activation : SweepOrder::natural;
  const LayerSweeps& sweeps = job.input->sweeps(order);
  const GptqSettings settings{.clip = job.option.clip};
  if (job.divisors.empty()) {
    sweeps.quantize_gptq(job.weight, job.option.grid, settings, body);
    return;
  }
  const kernels::Matrix<float> scaled = detail::scaled_columns(job.weight, job.divisors);
  sweeps.quantize_gptq(scaled.view(), job.option.grid, settings, body);
}

}  // namespace pare::framework
