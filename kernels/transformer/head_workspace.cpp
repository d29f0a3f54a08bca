// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/head_gpu.hpp"
#include "kernels/transformer/head_launch.hpp"

/// Sizes, which are known without CUDA.

namespace pare::kernels {

std::int64_t score_head_workspace_floats(std::int64_t tokens, std::int64_t vocabulary, std::int64_t k) {
  return tokens * (2 * detail::most_parts_of_span * detail::head_spans(vocabulary) + k + 1);
}

std::int64_t head_top_workspace_floats(std::int64_t tokens_at_once, std::int64_t vocabulary) {
  return tokens_at_once * ((vocabulary + 1) / 2 * 2);
}

}  // namespace pare::kernels
