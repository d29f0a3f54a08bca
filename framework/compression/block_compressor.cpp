// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/block_compressor.hpp"

#include <vector>

#include "kernels/quantize/quantize_blocks.hpp"

namespace pare::framework {

void BlockCompressor::compress(const LayerJob& job, std::span<std::byte> body) const {
  const std::vector<float> importance =
      job.option.importance ? job.input->statistics().diagonal() : std::vector<float>{};
  kernels::quantize_blocks(job.option.block, job.weight, importance, body);
}

}  // namespace pare::framework
