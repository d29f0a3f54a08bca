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
  /// Of one pass of `tokens` tokens, measured several times.
  virtual Time time(const LayerShape& shape, const Option& option, Phase phase, std::int64_t tokens) = 0;
};

/// The CPU's layers as the evaluation runs them: weights expanded beforehand and multiplied in `precision`, or in int8
/// where the option quantizes activations. So bits alone do not change a time here; structure and int8 do.
std::unique_ptr<LinearTimer> cpu_linear_timer(kernels::Precision precision);

/// A GPU's layers as their weights lie in its memory: w4 and w8 grids are read packed for up to 16 tokens; others, and all
/// of them for more, are expanded to bfloat16 in every pass; int8 activations are quantized in every pass; layers that are
/// sparse count as bfloat16. Times are of replayed graphs, without launches. Throws InputError where there is no such GPU,
/// DeviceMemoryError where it has no room for the layer.
std::unique_ptr<LinearTimer> gpu_linear_timer(int device);

}  // namespace pare::framework
