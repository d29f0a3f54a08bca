// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// -gptq and -gptq-act: gptq.hpp, in natural order or in that of the activations.
class GptqCompressor final : public Compressor {
 public:
  void compress(const LayerJob& job, std::span<std::byte> body) const override;
};

}  // namespace pare::framework
