// SPDX-License-Identifier: Apache-2.0
#include "framework/model/full_weights.hpp"

#include "kernels/core/matrix.hpp"

namespace pare::framework {

FullWeights::FullWeights(const Model& model, kernels::Precision precision) {
  kernels::Matrix<float> weight;
  for (const Stage& stage : model.stages()) {
    auto& linears = owned_.emplace_back();
    for (const Linear& linear : stage.linears) {
      model.read_weight(linear, weight);
      linears.push_back(kernels::LinearWeights::from_float(weight.view(), precision));
    }
    auto& pointers = stages_.emplace_back();
    for (const auto& linear : linears) pointers.push_back({&linear, nullptr});
  }
}

}  // namespace pare::framework
