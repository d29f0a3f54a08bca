// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/make_evaluator.hpp"

#include "kernels/core/contract.hpp"

namespace pare::framework {

std::unique_ptr<CandidateEvaluator> make_evaluator(const ComputeDevice& device, const Model& model,
                                                   const std::vector<Site>& sites, const LayerBank* bank,
                                                   std::int64_t longest_window, std::int64_t top_k,
                                                   const EvaluatorSettings& settings) {
  if (!device.gpu) return std::make_unique<Evaluator>(model, sites, bank, longest_window, settings);
  EXPECT(bank != nullptr);
  return detail::make_device_evaluator(device, model, *bank, longest_window, top_k, settings);
}

}  // namespace pare::framework
