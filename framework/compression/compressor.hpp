// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "framework/compression/option.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// What compressing a layer cost, before anything is run: squared_error / squared_weights is the relative error.
struct LocalError {
  double squared_error = 0;    ///< sum over weights of (w - approximation)^2
  double squared_weights = 0;  ///< sum over weights of w^2
};

/// Turns the weights of one linear layer into the bytes that the bank keeps. One implementation a method, one file
/// each; stateless, so safe for any number of threads.
class Compressor {
 public:
  virtual ~Compressor() = default;

  /// Exact size of the compressed layer: what the bank stores and the budget counts.
  virtual std::int64_t packed_bytes(const Option& option, std::int64_t outputs, std::int64_t inputs) const = 0;

  /// Fills `packed` (packed_bytes bytes). Throws InputError when the option cannot hold the weights.
  virtual LocalError compress(const Option& option, kernels::MatrixView<const float> weight,
                              std::span<std::byte> packed) const = 0;
};

/// The compressor of an option's method; EXPECTs a method that compresses (not `keep`, whose weights stay in the
/// checkpoint).
const Compressor& compressor_of(const Option& option);

}  // namespace pare::framework
