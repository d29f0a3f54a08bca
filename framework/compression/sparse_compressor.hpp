// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// <n>:<m>-<method> and <percent>%-<method>, alone or with weights on a grid or in blocks. Scores and masks:
/// pruning_scores.hpp, kernels/prune/mask.hpp, sparsegpt.hpp; storage: kernels/prune/sparse_layout.hpp. With -dense the
/// weights that stay are rounded after the sweep, in the dense form of the option.
class SparseCompressor final : public Compressor {
 public:
  void compress(const LayerJob& job, std::span<std::byte> body) const override;
};

}  // namespace pare::framework
