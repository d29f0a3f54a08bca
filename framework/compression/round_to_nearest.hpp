// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// Every weight goes to the nearest point of a grid, or of bfloat16 where the option keeps 16 bits. The grid of a group
/// is min-max; with -mse and -awq clips are searched (clipped_grid.hpp), weighted by the inputs where they are known.
class RoundToNearest final : public Compressor {
 public:
  void compress(const LayerJob& job, std::span<std::byte> body) const override;
};

}  // namespace pare::framework
