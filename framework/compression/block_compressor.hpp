// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// The block formats of GGUF (quantize_blocks.hpp); with -imatrix errors count by the mean square of their input.
class BlockCompressor final : public Compressor {
 public:
  void compress(const LayerJob& job, std::span<std::byte> body) const override;
};

}  // namespace pare::framework
