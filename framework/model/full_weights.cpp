// SPDX-License-Identifier: Apache-2.0
#include "framework/model/full_weights.hpp"

#include "kernels/core/matrix.hpp"

namespace pare::framework {

FullWeights::FullWeights(const Model& model, kernels::Precision precision) {
  kernels::Matrix<float> weight;
  for (const Stage& stage : model.stages()) {
    auto& linears = owned_.emplace_back();
    for (const Linear& linear : stage.linears) linears.push_back(model.load_linear(linear, precision, weight));
    auto& pointers = stages_.emplace_back();
    for (const auto& linear : linears) pointers.push_back({&linear, nullptr});
  }
}

kernels::LanguageHead load_head(const Model& model, kernels::Precision precision) {
  kernels::Matrix<float> weight;
  model.read_head(weight);
  return {weight.view(), precision};
}

}  // namespace pare::framework
