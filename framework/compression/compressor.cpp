// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/compressor.hpp"

#include "framework/compression/block_compressor.hpp"
#include "framework/compression/gptq_compressor.hpp"
#include "framework/compression/round_to_nearest.hpp"
#include "framework/compression/sparse_compressor.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

const Compressor& compressor_of(const Option& option) {
  static const RoundToNearest round_to_nearest;
  static const GptqCompressor gptq;
  static const BlockCompressor blocks;
  static const SparseCompressor sparse;
  EXPECT(!option.drop && !option.keeps_checkpoint(), option.name());
  if (option.sparsity) return sparse;
  switch (option.weights) {
    case Option::Weights::blocks:
      return blocks;
    case Option::Weights::grid:
      if (option.rounding == Option::Rounding::gptq || option.rounding == Option::Rounding::gptq_ordered) return gptq;
      break;
    case Option::Weights::original:
      break;
  }
  return round_to_nearest;
}

}  // namespace pare::framework
