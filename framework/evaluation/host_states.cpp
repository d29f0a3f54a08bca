// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/host_states.hpp"

#include <cstring>

namespace pare::framework {
namespace {

void copy_values(kernels::MatrixView<const float> from, kernels::Matrix<float>& to) {
  to.reshape(from.rows, from.cols);
  std::memcpy(to.data(), from.data, static_cast<std::size_t>(from.rows * from.cols) * sizeof(float));
}

}  // namespace

HostStates::HostStates(StageRunner& runner, WeightSource& weights, std::int64_t hidden, std::int64_t cache_bytes)
    : runner_(runner), weights_(weights), hidden_(hidden), cache_(cache_bytes) {}

void HostStates::use_windows(std::span<const std::uint32_t> tokens, std::int64_t window_length) {
  tokens_ = tokens;
  window_length_ = window_length;
  cache_.use_windows(tokens);
}

kernels::Matrix<float>& HostStates::shaped(std::size_t index) {
  if (states_.size() <= index) states_.resize(index + 1);
  states_[index].reshape(static_cast<std::int64_t>(tokens_.size()), hidden_);
  return states_[index];
}

void HostStates::embed(std::size_t state) {
  runner_.embed(tokens_, shaped(state).view());
}

void HostStates::put(std::size_t state, kernels::MatrixView<const float> values) {
  copy_values(values, shaped(state));
}

void HostStates::copy(std::size_t from, std::size_t to) {
  kernels::Matrix<float>& target = shaped(to);
  copy_values(states_[from].view(), target);
}

void HostStates::run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) {
  for (std::size_t state = first; state < first + count; ++state)
    runner_.run(stage, weights_.stage(stage, options), window_length_, states_[state].view());
}

void HostStates::keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t state) {
  const kernels::Matrix<float>& from = states_[state];
  cache_.keep(prefix, stage, from.size() * static_cast<std::int64_t>(sizeof(float)),
              [&](kernels::Matrix<float>& to) { copy_values(from.view(), to); });
}

std::optional<std::size_t> HostStates::restore(std::span<const std::uint8_t> options,
                                               std::span<const std::size_t> first_site, std::size_t first_stage,
                                               std::size_t last_stage, std::size_t state) {
  const auto found = cache_.find(options, first_site, first_stage, last_stage);
  if (!found) return std::nullopt;
  copy_values(found->state.view(), shaped(state));
  return found->stage;
}

}  // namespace pare::framework
