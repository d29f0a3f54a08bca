// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "framework/evaluation/latency_file.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Times linear layers on one device, with random weights in the layout that the option has there: time depends on shape
/// and layout, not on values. Several copies of a layer take turns, so that no pass finds its weights in a cache. Used by
/// one thread.
class LinearTimer {
 public:
  virtual ~LinearTimer() = default;

  /// Of whoever reads the table: "AMD EPYC, 16 threads, bf16".
  virtual std::string device() const = 0;

  /// What distinguishes options on this device: options with the same word take the same time. "bf16", "int8".
  virtual std::string arithmetic(const Option& option) const = 0;

  struct Time {
    double median = 0;  ///< seconds of a pass
    double lowest = 0;
    double highest = 0;
  };
  /// Of one pass of `tokens` tokens: at least five passes, for at least a fifth of a second or forty passes. Throws
  /// InputError where the device has no room for the layer.
  virtual Time time(const LayerShape& shape, const Option& option, Phase phase, std::int64_t tokens) = 0;
};

/// The CPU's layers as the evaluation runs them: weights expanded beforehand and multiplied in `precision`, or in int8
/// where the option quantizes activations. So bits alone do not change a time here; structure and int8 do.
std::unique_ptr<LinearTimer> cpu_linear_timer(kernels::Precision precision);

}  // namespace pare::framework
