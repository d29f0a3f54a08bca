// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_states.hpp"

#include <algorithm>
#include <vector>

#include "kernels/core/device_copy.hpp"
#include "kernels/gemm/gemm_int8.hpp"
#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/gated_product.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"

namespace pare::framework {
namespace {

using kernels::BFloat16;
using kernels::DeviceSpan;
using kernels::DeviceView;

// Order of Stage::linears.
enum AttentionLinear { q_proj, k_proj, v_proj, o_proj };
enum MlpLinear { gate_proj, up_proj, down_proj };

const DeviceBias& bias_of(const DeviceLinear& linear, const DeviceBias& own) {
  return linear.bias != nullptr ? *linear.bias : own;
}

/// Whether linears with such inputs share their codes.
bool is_plain(const kernels::DeviceInt8Input& input) {
  return input.divisors.empty() && input.static_scale == 0.0f;
}

}  // namespace

DeviceStates::DeviceStates(const Model& model, DeviceWeights& weights, const DeviceTables& tables,
                           const WalkShape& shape, std::int64_t micro_batch_tokens, std::int64_t cache_bytes,
                           const kernels::Stream& stream)
    : model_(model),
      weights_(weights),
      tables_(tables),
      stream_(stream),
      gemm_(stream),
      epsilon_(static_cast<float>(model.config().rms_norm_epsilon)),
      most_tokens_(micro_batch_tokens),
      layout_(shape, micro_batch_tokens),
      states_of_a_walk_(static_cast<std::size_t>(shape.states)),
      block_(1, layout_.total_bytes()),
      cache_(cache_bytes) {}

void DeviceStates::use_windows(std::span<const std::uint32_t> tokens, std::int64_t window_length) {
  tokens_ = static_cast<std::int64_t>(tokens.size());
  window_length_ = window_length;
  EXPECT(tokens_ <= most_tokens_ && tokens_ % window_length == 0, tokens_, " tokens of at most ", most_tokens_);
  kernels::copy_to_device<std::uint32_t>({tokens.data(), 1, tokens_}, {at<std::uint32_t>(layout_.tokens), 1, tokens_},
                                         stream_);
  if (positions_of_ != window_length) {
    std::vector<std::int32_t> positions(static_cast<std::size_t>(most_tokens_));
    for (std::size_t t = 0; t < positions.size(); ++t)
      positions[t] = static_cast<std::int32_t>(static_cast<std::int64_t>(t) % window_length);
    kernels::copy_to_device<std::int32_t>({positions.data(), 1, most_tokens_},
                                          {at<std::int32_t>(layout_.positions), 1, most_tokens_}, stream_);
    positions_of_ = window_length;
    stream_.synchronize();  // `positions` ends here
  }
  cache_.use_windows(tokens);
}

std::size_t DeviceStates::capacity() const {
  return states_of_a_walk_ * static_cast<std::size_t>(most_tokens_ / tokens_);
}

std::size_t DeviceStates::most_abreast() const {
  return capacity() - (states_of_a_walk_ - 1);
}

DeviceView<float> DeviceStates::states(std::size_t first, std::size_t count) {
  EXPECT(first + count <= capacity(), first + count, " of ", capacity(), " states");
  const std::int64_t hidden = model_.config().hidden;
  const auto bytes = tokens_ * hidden * static_cast<std::int64_t>(sizeof(float));
  return {at<float>(layout_.states + static_cast<std::int64_t>(first) * bytes),
          static_cast<std::int64_t>(count) * tokens_, hidden};
}

DeviceView<BFloat16> DeviceStates::rounded_at(std::int64_t offset, std::int64_t rows, std::int64_t cols) {
  return {at<BFloat16>(offset), rows, cols, padded_stride(cols, 2)};
}

DeviceView<std::int8_t> DeviceStates::codes(std::int64_t rows, std::int64_t cols) {
  return {at<std::int8_t>(layout_.codes), rows, cols, padded_stride(cols, 1)};
}

void DeviceStates::embed(std::size_t index) {
  kernels::embed(tables_.embedding(), {at<const std::uint32_t>(layout_.tokens), tokens_}, state(index), stream_);
}

void DeviceStates::copy(std::size_t from, std::size_t to) {
  kernels::copy_on_device<float>(state(from), state(to), stream_);
}

void DeviceStates::put(std::size_t index, kernels::MatrixView<const float> values) {
  kernels::copy_to_device<float>(values, state(index), stream_);
}

void DeviceStates::get(std::size_t index, kernels::MatrixView<float> values) {
  kernels::copy_to_host<float>(state(index), values, stream_);
}

void DeviceStates::keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t index) {
  const DeviceView<float> from = state(index);
  cache_.keep(prefix, stage, from.size() * static_cast<std::int64_t>(sizeof(float)), [&](State& to) {
    if (to.rows() != from.rows || to.cols() != from.cols) to = State(from.rows, from.cols);
    kernels::copy_on_device<float>(from, to.view(), stream_);
  });
}

std::optional<std::size_t> DeviceStates::restore(std::span<const std::uint8_t> options,
                                                 std::span<const std::size_t> first_site, std::size_t first_stage,
                                                 std::size_t last_stage, std::size_t index) {
  const auto found = cache_.find(options, first_site, first_stage, last_stage);
  if (!found) return std::nullopt;
  kernels::copy_on_device<float>(found->state.view(), state(index), stream_);
  return found->stage;
}

DeviceView<const BFloat16> DeviceStates::normed(DeviceView<const float> hidden, DeviceSpan<const float> norm) {
  const DeviceView<BFloat16> out = rounded_at(layout_.normed, hidden.rows, hidden.cols);
  if (!normed_ready_) kernels::rms_norm(hidden, norm, epsilon_, out, stream_);
  normed_ready_ = true;
  return out;
}

DeviceView<const std::int8_t> DeviceStates::normed_codes(DeviceView<const float> hidden, DeviceSpan<const float> norm,
                                                         const kernels::DeviceInt8Input& input) {
  const DeviceView<std::int8_t> out = codes(hidden.rows, hidden.cols);
  const bool plain = is_plain(input);
  if (!plain || !codes_ready_)
    kernels::rms_norm_int8(hidden, norm, epsilon_, input, out, code_scales(hidden.rows), stream_);
  codes_ready_ = plain;
  return out;
}

void DeviceStates::project(const DeviceLinear& linear, const DeviceBias& own, DeviceView<const float> hidden,
                           DeviceSpan<const float> norm, DeviceView<BFloat16> out) {
  const DeviceBias& bias = bias_of(linear, own);
  if (linear.is_int8()) {
    kernels::gemm_int8({normed_codes(hidden, norm, linear.input), linear.codes},
                       {code_scales(hidden.rows), linear.scales, bias.exact, {}}, out, stream_);
  } else {
    gemm_.multiply(normed(hidden, norm), linear.dense, bias.rounded, out, false, stream_);
  }
}

void DeviceStates::add_product(const DeviceLinear& linear, const DeviceBias& own, DeviceView<const BFloat16> x,
                               DeviceView<float> hidden) {
  const DeviceBias& bias = bias_of(linear, own);
  if (linear.is_int8()) {
    kernels::gemm_int8({codes(x.rows, x.cols), linear.codes},
                       {code_scales(hidden.rows), linear.scales, bias.exact, hidden}, hidden, stream_);
  } else {
    gemm_.multiply(x, linear.dense, bias.exact, hidden, true, stream_);
  }
}

void DeviceStates::run_attention(std::size_t stage, const std::vector<DeviceLinear>& linears,
                                 DeviceView<float> hidden) {
  const DeviceTables::OfStage& parts = tables_.stage(stage);
  const std::int64_t head_dim = model_.config().head_dim;
  const kernels::AttentionShape shape{linears[q_proj].outputs() / head_dim, linears[k_proj].outputs() / head_dim,
                                      head_dim};
  const DeviceView<BFloat16> q = rounded_at(layout_.q, hidden.rows, linears[q_proj].outputs());
  const DeviceView<BFloat16> k = rounded_at(layout_.k, hidden.rows, linears[k_proj].outputs());
  const DeviceView<BFloat16> v = rounded_at(layout_.v, hidden.rows, linears[v_proj].outputs());
  const DeviceView<BFloat16> context = rounded_at(layout_.context, hidden.rows, q.cols);
  project(linears[q_proj], parts.biases[q_proj], hidden, parts.norm, q);
  project(linears[k_proj], parts.biases[k_proj], hidden, parts.norm, k);
  project(linears[v_proj], parts.biases[v_proj], hidden, parts.norm, v);
  const DeviceSpan<const std::int32_t> positions{at<const std::int32_t>(layout_.positions), hidden.rows};
  const auto norm_and_rotate = [&](DeviceView<BFloat16> x, DeviceSpan<const float> norm, std::int64_t heads) {
    if (!norm.empty()) {
      const DeviceView<BFloat16> by_head(x.data, x.rows * heads, head_dim);
      kernels::rms_norm(by_head, norm, epsilon_, by_head, stream_);
    }
    kernels::apply_rope(tables_.rope(), positions, heads, x, stream_);
  };
  norm_and_rotate(q, parts.q_norm, shape.heads);
  norm_and_rotate(k, parts.k_norm, shape.kv_heads);
  kernels::causal_attention(q, k, v, shape, window_length_, context, stream_);
  const DeviceLinear& output = linears[o_proj];
  if (output.is_int8())
    kernels::quantize_tokens_int8(context, output.input, codes(context.rows, context.cols), code_scales(hidden.rows),
                                  stream_);
  add_product(output, parts.biases[o_proj], context, hidden);
}

bool DeviceStates::project_gated(const DeviceTables::OfStage& parts, const std::vector<DeviceLinear>& linears,
                                 DeviceView<const float> hidden, DeviceView<BFloat16> out) {
  const DeviceLinear& gate = linears[gate_proj];
  const DeviceLinear& up = linears[up_proj];
  const bool biased =
      !bias_of(gate, parts.biases[gate_proj]).exact.empty() || !bias_of(up, parts.biases[up_proj]).exact.empty();
  if (!kernels::has_gated_products(stream_) || biased || gate.is_int8() != up.is_int8()) return false;
  if (!gate.is_int8()) {
    kernels::gated_product(normed(hidden, parts.norm), gate.dense, up.dense, out, stream_);
    return true;
  }
  if (!is_plain(gate.input) || !is_plain(up.input)) return false;
  const kernels::ScaledCodes x{normed_codes(hidden, parts.norm, gate.input), code_scales(hidden.rows)};
  kernels::gated_product(x, {gate.codes, gate.scales}, {up.codes, up.scales}, out, stream_);
  return true;
}

void DeviceStates::run_mlp(std::size_t stage, const std::vector<DeviceLinear>& linears, DeviceView<float> hidden) {
  const DeviceTables::OfStage& parts = tables_.stage(stage);
  const DeviceView<BFloat16> gate = rounded_at(layout_.gate, hidden.rows, linears[gate_proj].outputs());
  const DeviceView<BFloat16> up = rounded_at(layout_.up, hidden.rows, linears[up_proj].outputs());
  const DeviceLinear& down = linears[down_proj];
  if (project_gated(parts, linears, hidden, gate)) {
    if (down.is_int8())
      kernels::quantize_tokens_int8(gate, down.input, codes(gate.rows, gate.cols), code_scales(gate.rows), stream_);
    add_product(down, parts.biases[down_proj], gate, hidden);
    return;
  }
  project(linears[gate_proj], parts.biases[gate_proj], hidden, parts.norm, gate);
  project(linears[up_proj], parts.biases[up_proj], hidden, parts.norm, up);
  if (down.is_int8()) {
    kernels::swiglu_int8(gate, up, down.input, codes(gate.rows, gate.cols), code_scales(hidden.rows), stream_);
  } else {
    kernels::swiglu(gate, up, gate, stream_);
  }
  add_product(down, parts.biases[down_proj], gate, hidden);
}

void DeviceStates::run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) {
  const std::vector<DeviceLinear>& linears = weights_.stage(stage, options);
  if (linears.empty()) return;
  const auto most = static_cast<std::size_t>(most_tokens_ / tokens_);
  for (const std::size_t end = first + count; first < end; first += most) {
    const DeviceView<float> hidden = states(first, std::min(most, end - first));
    normed_ready_ = false;
    codes_ready_ = false;
    if (model_.stages()[stage].kind == StageKind::attention) {
      run_attention(stage, linears, hidden);
    } else {
      run_mlp(stage, linears, hidden);
    }
  }
}

DeviceView<const BFloat16> DeviceStates::finish(std::size_t index) {
  const DeviceView<float> hidden = state(index);
  const std::int64_t scored = window_length_ - 1;
  const DeviceView<BFloat16> normed = rounded_at(layout_.normed, hidden.rows, hidden.cols);
  const std::int64_t windows = tokens_ / window_length_;
  for (std::int64_t w = 0; w < windows; ++w) {
    kernels::rms_norm(DeviceView<const float>(hidden.rows_from(w * window_length_, scored)), tables_.final_norm(),
                      epsilon_, normed.rows_from(w * scored, scored), stream_);
  }
  return normed.rows_from(0, windows * scored);
}

}  // namespace pare::framework
