// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

/// LanguageHead (head.hpp) on a GPU. hidden [tokens, width] and weight [vocabulary, width] are bfloat16, 16-byte aligned,
/// width and strides multiples of 8; logits are their products summed in binary32. What a token gets does not depend on
/// the other tokens of a call.

namespace pare::kernels {

/// LanguageHead::score: logits exist only in registers, a tile of tokens by a tile of words at a time.
///   teacher_ids [tokens, k] ascending and below the vocabulary, else the token's divergence is NaN
///   teacher_log_probabilities [tokens, k]; targets [tokens], NaN for one that is not below the vocabulary
///   divergence, negative_log_likelihood [tokens]
///   workspace: score_head_workspace_floats() of scratch memory, 8-byte aligned
/// The log-sum-exp is kept in binary32 for spans of words and merged in binary64 in a fixed order.
void score_head(DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                DeviceView<const std::uint32_t> teacher_ids, DeviceView<const float> teacher_log_probabilities,
                DeviceSpan<const std::uint32_t> targets, DeviceSpan<float> divergence,
                DeviceSpan<float> negative_log_likelihood, DeviceSpan<float> workspace, const Stream& stream);
std::int64_t score_head_workspace_floats(std::int64_t tokens, std::int64_t vocabulary, std::int64_t k);

/// LanguageHead::top_log_probabilities: ids and log_probabilities [tokens, k]. Where a logit is NaN or +infinity, the
/// token's log-probabilities are all NaN.
///   workspace: head_top_workspace_floats(n, ...) for n >= 1 tokens at a time, 8-byte aligned; a few thousand tokens fill
///   a card
void head_top_log_probabilities(DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                                DeviceView<std::uint32_t> ids, DeviceView<float> log_probabilities,
                                DeviceSpan<float> workspace, const Stream& stream);
std::int64_t head_top_workspace_floats(std::int64_t tokens_at_once, std::int64_t vocabulary);

namespace detail {

/// score_head through the kernel for wgmma (Hopper alone) or the portable one.
void score_head_with(bool wgmma, DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                     DeviceView<const std::uint32_t> teacher_ids, DeviceView<const float> teacher_log_probabilities,
                     DeviceSpan<const std::uint32_t> targets, DeviceSpan<float> divergence,
                     DeviceSpan<float> negative_log_likelihood, DeviceSpan<float> workspace, const Stream& stream);
/// The same of head_top_log_probabilities. Both kinds make the logits of their score, bit for bit.
void head_top_with(bool wgmma, DeviceView<const BFloat16> hidden, DeviceView<const BFloat16> weight,
                   DeviceView<std::uint32_t> ids, DeviceView<float> log_probabilities, DeviceSpan<float> workspace,
                   const Stream& stream);

}  // namespace detail
}  // namespace pare::kernels
