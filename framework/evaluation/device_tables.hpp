// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/evaluation/device_arena.hpp"
#include "framework/model/model.hpp"
#include "framework/model/stage_range.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/transformer/rope.hpp"

namespace pare::framework {

/// `weight` rounded to bfloat16, on the host.
kernels::Matrix<kernels::BFloat16> rounded(kernels::MatrixView<const float> weight);

/// A bias in the two forms that products take: of the output's type.
struct DeviceBias {
  kernels::DeviceSpan<const float> exact;
  kernels::DeviceSpan<const kernels::BFloat16> rounded;
};

/// Both empty for no values.
DeviceBias put_bias(std::span<const float> bias, DeviceArena& arena);

/// What no option changes, in device memory: embedding and head as bfloat16, norms, biases, rotary tables; of some
/// stages alone, where a model is split.
class DeviceTables {
 public:
  /// bytes: as the memory plan has it. positions: the longest window. Throws DeviceMemoryError.
  DeviceTables(const Model& model, const StageRange& stages, std::int64_t positions, std::int64_t bytes,
               const kernels::Stream& stream);

  struct OfStage {
    kernels::DeviceSpan<const float> norm, q_norm, k_norm;
    std::vector<DeviceBias> biases;  ///< by linear
  };

  kernels::DeviceView<const kernels::BFloat16> embedding() const { return embedding_; }
  kernels::DeviceView<const kernels::BFloat16> head() const { return head_; }
  kernels::DeviceSpan<const float> final_norm() const { return final_norm_; }
  const kernels::DeviceRopeTable& rope() const { return rope_; }
  const OfStage& stage(std::size_t index) const { return stages_[index]; }

 private:
  kernels::DeviceRopeTable rope_;
  DeviceArena arena_;
  kernels::DeviceView<const kernels::BFloat16> embedding_, head_;
  kernels::DeviceSpan<const float> final_norm_;
  std::vector<OfStage> stages_;
};

}  // namespace pare::framework
