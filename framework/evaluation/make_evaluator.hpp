// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "framework/evaluation/candidate_evaluator.hpp"
#include "framework/evaluation/compute_device.hpp"
#include "framework/evaluation/evaluator.hpp"

namespace pare::framework {

/// The evaluator of a device. top_k: words of the full model's answers. bank may be null on the CPU when only the full
/// model is run. Throws InputError when a GPU has not the memory, InternalError for a GPU in a build without CUDA.
std::unique_ptr<CandidateEvaluator> make_evaluator(const ComputeDevice& device, const Model& model,
                                                   const std::vector<Site>& sites, const LayerBank* bank,
                                                   std::int64_t longest_window, std::int64_t top_k,
                                                   const EvaluatorSettings& settings);

namespace detail {

/// device: a GPU.
std::unique_ptr<CandidateEvaluator> make_device_evaluator(const ComputeDevice& device, const Model& model,
                                                          const LayerBank& bank, std::int64_t longest_window,
                                                          std::int64_t top_k, const EvaluatorSettings& settings);

}  // namespace detail
}  // namespace pare::framework
