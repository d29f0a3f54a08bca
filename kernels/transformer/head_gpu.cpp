// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/head_gpu.hpp"

#include <algorithm>
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/transformer/head_launch.hpp"

namespace pare::kernels {
namespace {

/// What both sides know.
detail::HeadArguments arguments_of(DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                                   std::int64_t k) {
  VALIDATE(hidden.cols % 8 == 0, "hidden states of ", hidden.cols,
           " values have no GPU kernel for the output layer, multiples of 8 have one");
  EXPECT(weight.cols == hidden.cols && hidden.cols > 0, hidden.cols, " ", weight.cols);
  EXPECT(hidden.stride % 8 == 0 && weight.stride % 8 == 0, hidden.stride, " ", weight.stride);
  EXPECT(reinterpret_cast<std::uintptr_t>(hidden.data) % 16 == 0, hidden.rows);
  EXPECT(reinterpret_cast<std::uintptr_t>(weight.data) % 16 == 0, weight.rows);
  EXPECT(weight.rows > 0 && weight.rows <= std::numeric_limits<int>::max() / 2, weight.rows, " words");
  EXPECT(k > 0 && k <= weight.rows, k, " of ", weight.rows, " words");
  return {.hidden = hidden.data,
          .weight = weight.data,
          .hidden_stride = hidden.stride,
          .weight_stride = weight.stride,
          .tokens = hidden.rows,
          .vocabulary = static_cast<int>(weight.rows),
          .width = static_cast<int>(hidden.cols),
          .k = static_cast<int>(k)};
}

}  // namespace

void score_head(DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                DeviceView<const std::uint32_t> teacher_ids, DeviceView<const float> teacher_log_probabilities,
                DeviceSpan<const std::uint32_t> targets, DeviceSpan<float> divergence,
                DeviceSpan<float> negative_log_likelihood, DeviceSpan<float> workspace, const Stream& stream) {
  detail::score_head_with(stream.compute_capability() == 90, hidden, weight, teacher_ids, teacher_log_probabilities,
                          targets, divergence, negative_log_likelihood, workspace, stream);
}

void detail::score_head_with(bool wgmma, DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                             DeviceView<const std::uint32_t> teacher_ids,
                             DeviceView<const float> teacher_log_probabilities, DeviceSpan<const std::uint32_t> targets,
                             DeviceSpan<float> divergence, DeviceSpan<float> negative_log_likelihood,
                             DeviceSpan<float> workspace, const Stream& stream) {
  const std::int64_t tokens = hidden.rows;
  const std::int64_t k = teacher_ids.cols;
  detail::HeadArguments arguments = arguments_of(hidden, weight, k);
  EXPECT(teacher_ids.rows == tokens && teacher_log_probabilities.rows == tokens && teacher_log_probabilities.cols == k,
         teacher_ids.rows, " ", teacher_log_probabilities.rows, " ", teacher_log_probabilities.cols);
  EXPECT(targets.size == tokens && divergence.size == tokens && negative_log_likelihood.size == tokens, targets.size);
  EXPECT(workspace.size >= score_head_workspace_floats(tokens, weight.rows, k), workspace.size);
  EXPECT(reinterpret_cast<std::uintptr_t>(workspace.data) % 8 == 0, workspace.size);
  if (tokens == 0) return;
  arguments.ids = teacher_ids.data;
  arguments.ids_stride = teacher_ids.stride;
  arguments.targets = targets.data;
  arguments.parts = detail::head_spans(weight.rows) * (wgmma ? 1 : detail::most_parts_of_span);
  arguments.partial = workspace.data;
  arguments.gathered = arguments.partial + 2 * tokens * arguments.parts;
  arguments.target_logits = arguments.gathered + tokens * k;
  // Words that nobody meets, because their ids do not ascend or do not exist, stay NaN.
  detail::fill_bytes(arguments.gathered, 0xff, static_cast<std::size_t>(tokens * (k + 1)) * sizeof(float), stream);
  if (wgmma) {
    detail::launch_head_score_hopper(arguments, stream);
  } else {
    detail::launch_head_score(arguments, stream);
  }
  detail::launch_head_losses(arguments,
                             {.teacher_log = teacher_log_probabilities.data,
                              .teacher_log_stride = teacher_log_probabilities.stride,
                              .divergence = divergence.data,
                              .negative_log_likelihood = negative_log_likelihood.data},
                             stream);
}

void head_top_log_probabilities(DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                                DeviceView<std::uint32_t> ids, DeviceView<float> log_probabilities,
                                DeviceSpan<float> workspace, const Stream& stream) {
  detail::head_top_with(stream.compute_capability() == 90, hidden, weight, ids, log_probabilities, workspace, stream);
}

void detail::head_top_with(bool wgmma, DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                           DeviceView<std::uint32_t> ids, DeviceView<float> log_probabilities,
                           DeviceSpan<float> workspace, const Stream& stream) {
  const std::int64_t k = ids.cols;
  const std::int64_t stride = head_top_workspace_floats(1, weight.rows);
  detail::HeadArguments arguments = arguments_of(hidden, weight, k);
  EXPECT(ids.rows == hidden.rows && log_probabilities.rows == hidden.rows && log_probabilities.cols == k, ids.rows, " ",
         log_probabilities.rows, " ", log_probabilities.cols);
  const std::int64_t tokens_at_once = workspace.size / stride;
  EXPECT(tokens_at_once > 0, workspace.size, " floats for rows of ", stride);
  EXPECT(reinterpret_cast<std::uintptr_t>(workspace.data) % 8 == 0, workspace.size);
  for (std::int64_t first = 0; first < hidden.rows; first += tokens_at_once) {
    arguments.hidden = hidden.data + first * hidden.stride;
    arguments.tokens = std::min(tokens_at_once, hidden.rows - first);
    if (wgmma) {
      detail::launch_head_logits_hopper(arguments, workspace.data, stride, stream);
    } else {
      detail::launch_head_logits(arguments, workspace.data, stride, stream);
    }
    detail::launch_head_select(
        workspace.data, stride, arguments.tokens, arguments.vocabulary, arguments.k, ids.data + first * ids.stride,
        ids.stride, log_probabilities.data + first * log_probabilities.stride, log_probabilities.stride, stream);
  }
}

}  // namespace pare::kernels
