// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_tables.hpp"

#include "kernels/core/parallel.hpp"

namespace pare::framework {

kernels::Matrix<kernels::BFloat16> rounded(kernels::MatrixView<const float> weight) {
  kernels::Matrix<kernels::BFloat16> result(weight.rows, weight.cols);
  constexpr std::int64_t rows_per_part = 64;
  kernels::parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t c = 0; c < weight.cols; ++c) result.row(r)[c] = kernels::to_bfloat16(weight.row(r)[c]);
  });
  return result;
}

DeviceBias put_bias(std::span<const float> bias, DeviceArena& arena) {
  if (bias.empty()) return {};
  const auto exact = arena.put(bias);
  const auto values = rounded({bias.data(), 1, static_cast<std::int64_t>(bias.size())});
  return {exact, arena.put(std::span<const kernels::BFloat16>(values.data(), bias.size()))};
}

DeviceTables::DeviceTables(const Model& model, const StageRange& stages, std::int64_t positions, std::int64_t bytes,
                           const kernels::Stream& stream)
    : rope_(kernels::RopeTable(model.config().inverse_frequencies, positions), stream), arena_(bytes, stream) {
  const auto put = [&](const std::vector<float>& values) { return arena_.put(std::span<const float>(values)); };
  kernels::Matrix<float> table;
  const bool has_head = stages.has_head(model.stages().size());
  if (has_head) {
    model.read_head(table);
    head_ = arena_.put_rows<kernels::BFloat16>(rounded(table.view()).view());
  }
  if (stages.has_embedding() && has_head && model.config().tied_embeddings) {
    embedding_ = head_;
  } else if (stages.has_embedding()) {
    model.read_embedding(table);
    embedding_ = arena_.put_rows<kernels::BFloat16>(rounded(table.view()).view());
  }
  final_norm_ = put(model.final_norm());
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    OfStage& parts = stages_.emplace_back();
    if (!stages.has(s)) continue;
    const Stage& stage = model.stages()[s];
    if (stage.kind == StageKind::attention) {
      parts.norm = put(model.input_norm(stage.layer));
      if (model.config().qk_norm) {
        parts.q_norm = put(model.q_norm(stage.layer));
        parts.k_norm = put(model.k_norm(stage.layer));
      }
    } else if (stage.kind == StageKind::mlp) {
      parts.norm = put(model.post_attention_norm(stage.layer));
    }
    for (const Linear& linear : stage.linears) parts.biases.push_back(put_bias(model.read_bias(linear), arena_));
  }
}

}  // namespace pare::framework
