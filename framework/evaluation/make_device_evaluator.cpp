// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_evaluator.hpp"
#include "framework/evaluation/make_evaluator.hpp"

namespace pare::framework::detail {

std::unique_ptr<CandidateEvaluator> make_device_evaluator(const ComputeDevice& device, const Model& model,
                                                          const LayerBank& bank, std::int64_t longest_window,
                                                          std::int64_t top_k, const EvaluatorSettings& settings) {
  return std::make_unique<DeviceEvaluator>(device, model, bank, longest_window, top_k, settings);
}

}  // namespace pare::framework::detail
