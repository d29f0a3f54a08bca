// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framework/compression/option.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// Turns the weights of one linear layer into the bytes that the bank keeps. One implementation a method, one file each;
/// stateless, so safe for any number of threads.
class Compressor {
 public:
  virtual ~Compressor() = default;

  /// Exact size of the compressed layer: what the bank stores and the budget counts.
  virtual std::int64_t packed_bytes(const Option& option, std::int64_t outputs, std::int64_t inputs) const = 0;

  /// Fills `packed` (packed_bytes bytes) and returns the local error: sum of squared weight errors over sum of squared
  /// weights (0 for a layer of zeros). Throws InputError when the option cannot hold the weights.
  virtual double compress(const Option& option, kernels::MatrixView<const float> weight,
                          std::span<std::byte> packed) const = 0;
};

/// The compressor of an option's method; EXPECTs a method that compresses (not `keep`, whose weights stay in the checkpoint).
const Compressor& compressor_of(const Option& option);

}  // namespace pare::framework
