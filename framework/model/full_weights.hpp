// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/model/model.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// All linears of the model, uncompressed, ready for the GEMM at once: what text generation needs, since every token
/// passes every layer. Memory: 4 bytes a weight (f32) or 2 (bf16). Immutable, so it may be shared by threads.
class FullWeights {
 public:
  FullWeights(const Model& model, kernels::Precision precision);
  const StageLinears& stage(std::size_t index) const { return stages_[index]; }

 private:
  std::vector<std::vector<kernels::LinearWeights>> owned_;
  std::vector<StageLinears> stages_;
};

}  // namespace pare::framework
