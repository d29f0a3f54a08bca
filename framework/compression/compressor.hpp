// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framework/compression/layer_input.hpp"
#include "framework/compression/option.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// One linear layer to be compressed. Heads or channels that structure takes away are gone already.
struct LayerJob {
  const Option& option;
  kernels::MatrixView<const float> weight;  ///< [outputs, inputs]
  LayerInput* input = nullptr;              ///< of x / divisors; null when the option needs no calibration
  std::span<const float> divisors;          ///< [inputs], or empty: what is stored is weight * divisors
  bool clip = false;                        ///< awq: groups may be clipped
  std::uint64_t seed = 0;                   ///< of random pruning
};

/// Turns the weights of one linear layer into the body that the bank keeps (layer_storage.hpp). One implementation a
/// method, one file each; stateless, so safe for any number of threads.
class Compressor {
 public:
  virtual ~Compressor() = default;

  /// Fills `body` (body_bytes bytes). Throws InputError when the option cannot hold the weights.
  virtual void compress(const LayerJob& job, std::span<std::byte> body) const = 0;
};

/// The compressor of an option; EXPECTs one that stores a body.
const Compressor& compressor_of(const Option& option);

}  // namespace pare::framework
