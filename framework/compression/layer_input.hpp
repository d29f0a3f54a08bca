// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "framework/calibration/activation_statistics.hpp"
#include "framework/compression/compression_arithmetic.hpp"

namespace pare::framework {

/// What is known of the input of a linear, and what follows from it: made when it is first asked for, and kept for the
/// other options and linears that share the input. Serves one thread.
class LayerInput {
 public:
  /// name: for messages, "the input of model.layers.0.mlp.down_proj".
  /// arithmetic: must outlive the input.
  LayerInput(std::string name, ActivationStatistics statistics, CompressionArithmetic& arithmetic)
      : name_(std::move(name)), statistics_(std::move(statistics)), arithmetic_(&arithmetic) {}

  const std::string& name() const { return name_; }
  const ActivationStatistics& statistics() const { return statistics_; }

  /// Throws InputError as invert_hessian does.
  const LayerSweeps& sweeps(SweepOrder order);

  /// What a change of the weights does to the outputs, under this input.
  const OutputError& output_error();

  /// The input divided by one positive value a channel: its Hessian is H_ij / (d_i d_j). No range is kept.
  LayerInput divided(std::span<const float> divisors) const;
  /// Only some of its channels.
  LayerInput of_inputs(std::span<const std::int64_t> columns) const {
    return {name_, statistics_.of_inputs(columns), *arithmetic_};
  }

 private:
  std::string name_;
  ActivationStatistics statistics_;
  CompressionArithmetic* arithmetic_;
  std::unique_ptr<LayerSweeps> natural_, by_activation_;
  std::unique_ptr<OutputError> output_error_;
};

}  // namespace pare::framework
