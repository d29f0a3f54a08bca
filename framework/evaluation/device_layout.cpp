// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_layout.hpp"

#include <algorithm>

#include "kernels/quantize/block_format.hpp"
#include "kernels/quantize/device_packed.hpp"
#include "kernels/transformer/head_gpu.hpp"

namespace pare::framework {
namespace {

// The full model's logits of so many tokens exist at a time: enough to fill a card.
constexpr std::int64_t teacher_tokens_at_once = 1024;

}  // namespace

DeviceForm device_form(const Option& option) {
  const bool stored_sparse = option.sparsity && !option.sparsity->dense;
  if (stored_sparse || option.weights == Option::Weights::original) return DeviceForm::dense;
  return option.weights == Option::Weights::grid ? DeviceForm::grid : DeviceForm::blocks;
}

std::int64_t dense_bytes(const LayerShape& shape) {
  return shape.outputs * padded_stride(shape.inputs, 2) * 2;
}

std::int64_t int8_bytes(const LayerShape& shape) {
  DeviceLayout layout;
  layout.take(shape.outputs * padded_stride(shape.inputs, 1));
  layout.take(shape.outputs * 4);
  return layout.bytes();
}

std::int64_t ready_bytes(const LayerShape& shape) {
  return std::max(dense_bytes(shape), int8_bytes(shape));
}

std::int64_t resident_bytes(const Option& option, const LayerShape& shape) {
  if (option.drop) return 0;
  switch (device_form(option)) {
    case DeviceForm::grid:
      return kernels::device_packed_layout(option.grid, shape.outputs, shape.inputs).total_bytes;
    case DeviceForm::blocks:
      return kernels::blocks_bytes(option.block, shape.outputs, shape.inputs);
    case DeviceForm::dense:
      break;
  }
  return dense_bytes(shape);
}

WalkLayout::WalkLayout(const WalkShape& shape, std::int64_t count) {
  DeviceLayout layout;
  const auto words = [&](std::int64_t cols) { return layout.take(count * cols * 4); };
  const auto rounded = [&](DeviceLayout& place, std::int64_t cols) {
    return place.take(count * padded_stride(cols, 2) * 2);
  };
  tokens = words(1);
  positions = words(1);
  targets = words(1);
  teacher_ids = words(shape.top_k);
  teacher_log = words(shape.top_k);
  text_bytes = layout.bytes();

  states = layout.bytes();
  for (std::int64_t s = 0; s < shape.states; ++s) words(shape.hidden);
  states_bytes = layout.bytes() - states;

  normed = rounded(layout, shape.hidden);
  code_scales = words(1);
  codes = layout.take(count * padded_stride(std::max({shape.hidden, shape.query_width, shape.intermediate}), 1));
  DeviceLayout attention = layout, mlp = layout, head = layout;
  q = rounded(attention, shape.query_width);
  k = rounded(attention, shape.key_value_width);
  v = rounded(attention, shape.key_value_width);
  context = rounded(attention, shape.query_width);
  gate = rounded(mlp, shape.intermediate);
  up = rounded(mlp, shape.intermediate);
  divergence = head.take(count * 4);
  likelihood = head.take(count * 4);
  workspace_floats =
      std::max(kernels::score_head_workspace_floats(count, shape.vocabulary, shape.top_k),
               kernels::head_top_workspace_floats(std::min(count, teacher_tokens_at_once), shape.vocabulary));
  workspace = head.take(workspace_floats * 4);
  activation_bytes = std::max({attention.bytes(), mlp.bytes(), head.bytes()}) - text_bytes - states_bytes;
}

}  // namespace pare::framework
