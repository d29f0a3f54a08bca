// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/make_evaluator.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/error.hpp"

/// The answer of a build without CUDA, where no device is a GPU.

namespace pare::framework::detail {

std::unique_ptr<CandidateEvaluator> make_device_evaluator(const ComputeDevice&, const Model&, const LayerBank&,
                                                          std::int64_t, std::int64_t, const EvaluatorSettings&) {
  throw InternalError(kernels::why_no_device());
}

}  // namespace pare::framework::detail
