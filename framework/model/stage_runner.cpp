// SPDX-License-Identifier: Apache-2.0
#include "framework/model/stage_runner.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/swiglu.hpp"

namespace pare::framework {
namespace {

using kernels::MatrixView;

// The activations of a tile of the demo-sized models stay in the second-level cache; larger models are bound by the
// GEMM.
constexpr std::int64_t tile_tokens = 2048;

// Order of Stage::linears.
enum AttentionLinear { q_proj, k_proj, v_proj, o_proj };
enum MlpLinear { gate_proj, up_proj, down_proj };

void apply(const StageLinears& linears, std::size_t index, const std::vector<std::vector<float>>& biases,
           MatrixView<const float> x, MatrixView<float> out, bool accumulate) {
  const StageLinear& linear = linears[index];
  linear.weights->apply(x, linear.bias != nullptr ? *linear.bias : biases[index], out, accumulate);
}

/// RMSNorm over each head: [tokens, heads * head_dim] seen as [tokens * heads, head_dim].
void norm_heads(kernels::Matrix<float>& x, std::int64_t head_dim, std::span<const float> weight, float epsilon) {
  if (weight.empty()) return;
  MatrixView<float> heads(x.data(), x.size() / head_dim, head_dim);
  kernels::rms_norm(heads, weight, epsilon, heads);
}

}  // namespace

StageRunner::StageRunner(const Model& model, std::int64_t positions, const StageRange& stages)
    : model_(model),
      shape_{model.config().heads, model.config().kv_heads, model.config().head_dim},
      epsilon_(static_cast<float>(model.config().rms_norm_epsilon)),
      rope_(model.config().inverse_frequencies, positions),
      final_norm_(model.final_norm()) {
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    StageParameters& parameters = parameters_.emplace_back();
    if (!stages.has(s)) continue;
    const Stage& stage = model.stages()[s];
    if (stage.kind == StageKind::attention) {
      parameters.norm = model.input_norm(stage.layer);
      parameters.q_norm = model.q_norm(stage.layer);
      parameters.k_norm = model.k_norm(stage.layer);
    } else if (stage.kind == StageKind::mlp) {
      parameters.norm = model.post_attention_norm(stage.layer);
    }
    for (const Linear& linear : stage.linears) parameters.biases.push_back(model.read_bias(linear));
  }
  if (stages.has_embedding()) model.read_embedding(embedding_);
}

void StageRunner::embed(std::span<const std::uint32_t> tokens, MatrixView<float> hidden) const {
  kernels::embed(embedding_.view(), tokens, hidden);
}

void StageRunner::finish(MatrixView<const float> hidden, MatrixView<float> out) const {
  kernels::rms_norm(hidden, final_norm_, epsilon_, out);
}

kernels::AttentionShape StageRunner::shape_of(const StageLinears& linears) const {
  return {linears[q_proj].weights->outputs() / shape_.head_dim, linears[k_proj].weights->outputs() / shape_.head_dim,
          shape_.head_dim};
}

void StageRunner::project(const StageParameters& parameters, const StageLinears& linears,
                          std::span<const std::int32_t> positions, MatrixView<const float> hidden) {
  const kernels::AttentionShape shape = shape_of(linears);
  normed_.reshape(hidden.rows, hidden.cols);
  q_.reshape(hidden.rows, shape.heads * shape_.head_dim);
  k_.reshape(hidden.rows, shape.kv_heads * shape_.head_dim);
  v_.reshape(hidden.rows, shape.kv_heads * shape_.head_dim);
  kernels::rms_norm(hidden, parameters.norm, epsilon_, normed_.view());
  apply(linears, q_proj, parameters.biases, normed_.view(), q_.view(), false);
  apply(linears, k_proj, parameters.biases, normed_.view(), k_.view(), false);
  apply(linears, v_proj, parameters.biases, normed_.view(), v_.view(), false);
  norm_heads(q_, shape_.head_dim, parameters.q_norm, epsilon_);
  norm_heads(k_, shape_.head_dim, parameters.k_norm, epsilon_);
  kernels::apply_rope(rope_, positions, shape.heads, q_.view());
  kernels::apply_rope(rope_, positions, shape.kv_heads, k_.view());
  context_.reshape(hidden.rows, shape.heads * shape_.head_dim);
}

void StageRunner::run_attention(const StageParameters& parameters, const StageLinears& linears,
                                std::int64_t window_length, MatrixView<float> hidden, const InputObserver& observe) {
  positions_.resize(static_cast<std::size_t>(hidden.rows));
  for (std::int64_t t = 0; t < hidden.rows; ++t) {
    positions_[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(t % window_length);
  }
  project(parameters, linears, positions_, hidden);
  if (observe) observe(q_proj, normed_.view());
  kernels::causal_attention(q_.view(), k_.view(), v_.view(), shape_of(linears), window_length, context_.view());
  if (observe) observe(o_proj, context_.view());
  apply(linears, o_proj, parameters.biases, context_.view(), hidden, true);
}

void StageRunner::run_mlp(const StageParameters& parameters, const StageLinears& linears, MatrixView<float> hidden,
                          const InputObserver& observe) {
  normed_.reshape(hidden.rows, hidden.cols);
  gate_.reshape(hidden.rows, linears[gate_proj].weights->outputs());
  up_.reshape(hidden.rows, linears[up_proj].weights->outputs());
  kernels::rms_norm(hidden, parameters.norm, epsilon_, normed_.view());
  if (observe) observe(gate_proj, normed_.view());
  apply(linears, gate_proj, parameters.biases, normed_.view(), gate_.view(), false);
  apply(linears, up_proj, parameters.biases, normed_.view(), up_.view(), false);
  kernels::swiglu(gate_.view(), up_.view(), gate_.view());
  if (observe) observe(down_proj, gate_.view());
  apply(linears, down_proj, parameters.biases, gate_.view(), hidden, true);
}

void StageRunner::run(std::size_t stage, const StageLinears& linears, std::int64_t window_length,
                      MatrixView<float> hidden, const InputObserver& observe) {
  EXPECT(window_length > 0 && hidden.rows % window_length == 0, hidden.rows, " tokens, windows of ", window_length);
  EXPECT(window_length <= rope_.positions(), window_length, " > ", rope_.positions());
  const StageKind kind = model_.stages()[stage].kind;
  EXPECT(kind == StageKind::attention || kind == StageKind::mlp);
  if (linears.empty()) return;
  const std::int64_t step = std::max<std::int64_t>(1, tile_tokens / window_length) * window_length;
  for (std::int64_t begin = 0; begin < hidden.rows; begin += step) {
    const auto tile = hidden.rows_from(begin, std::min(step, hidden.rows - begin));
    if (kind == StageKind::attention) {
      run_attention(parameters_[stage], linears, window_length, tile, observe);
    } else {
      run_mlp(parameters_[stage], linears, tile, observe);
    }
  }
}

StageRunner::KeyValueCache StageRunner::make_cache(std::int64_t sequences, std::int64_t capacity) const {
  const std::int64_t row = capacity * shape_.kv_heads * shape_.head_dim;
  return {kernels::Matrix<float>(sequences, row), kernels::Matrix<float>(sequences, row)};
}

void StageRunner::decode(std::size_t stage, const StageLinears& linears, std::int64_t position, KeyValueCache& cache,
                         MatrixView<float> hidden) {
  const StageParameters& parameters = parameters_[stage];
  if (model_.stages()[stage].kind == StageKind::mlp) {
    run_mlp(parameters, linears, hidden, {});
    return;
  }
  EXPECT(position < rope_.positions() && cache.keys.rows() == hidden.rows);
  positions_.assign(static_cast<std::size_t>(hidden.rows), static_cast<std::int32_t>(position));
  project(parameters, linears, positions_, hidden);
  const std::int64_t row = shape_.kv_heads * shape_.head_dim;
  for (std::int64_t s = 0; s < hidden.rows; ++s) {
    std::memcpy(cache.keys.row(s) + position * row, k_.row(s), static_cast<std::size_t>(row) * sizeof(float));
    std::memcpy(cache.values.row(s) + position * row, v_.row(s), static_cast<std::size_t>(row) * sizeof(float));
  }
  kernels::decode_attention(q_.view(), cache.keys.view(), cache.values.view(), shape_, position + 1, context_.view());
  apply(linears, o_proj, parameters.biases, context_.view(), hidden, true);
}

}  // namespace pare::framework
