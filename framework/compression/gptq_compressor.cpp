// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/gptq_compressor.hpp"

#include "framework/compression/gptq.hpp"
#include "kernels/core/matrix.hpp"

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
  kernels::Matrix<float> scaled(job.weight.rows, job.weight.cols);
  for (std::int64_t r = 0; r < scaled.rows(); ++r)
    for (std::int64_t c = 0; c < scaled.cols(); ++c)
      scaled.row(r)[c] = job.weight.row(r)[c] * job.divisors[static_cast<std::size_t>(c)];
  quantize_gptq(scaled.view(), inverse, job.option.grid, settings, body);
}

}  // namespace pare::framework
