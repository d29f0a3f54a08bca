// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/model/model.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/gemm/linear.hpp"
#include "kernels/transformer/head.hpp"

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

/// The head of the model, ready to score and to sample.
kernels::LanguageHead load_head(const Model& model, kernels::Precision precision);

}  // namespace pare::framework
