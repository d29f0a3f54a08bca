// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/evaluation/hidden_states.hpp"
#include "framework/evaluation/state_cache.hpp"
#include "framework/evaluation/weight_source.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/core/matrix.hpp"

namespace pare::framework {

/// Hidden states in host memory, in binary32, which the CPU's kernels run on. One object a thread.
class HostStates final : public HiddenStates {
 public:
  /// cache_bytes: of the states that are kept for later walks.
  HostStates(StageRunner& runner, WeightSource& weights, std::int64_t hidden, std::int64_t cache_bytes);

  /// state <- values, [tokens, hidden].
  void put(std::size_t state, kernels::MatrixView<const float> values);
  kernels::MatrixView<const float> state(std::size_t index) const { return states_[index].view(); }

  void use_windows(std::span<const std::uint32_t> tokens, std::int64_t window_length) override;
  void embed(std::size_t state) override;
  void copy(std::size_t from, std::size_t to) override;
  void run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) override;
  /// 1: a window fills a CPU.
  std::size_t most_abreast() const override { return 1; }
  void keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t state) override;
  std::optional<std::size_t> restore(std::span<const std::uint8_t> options, std::span<const std::size_t> first_site,
                                     std::size_t first_stage, std::size_t last_stage, std::size_t state) override;

 private:
  /// The state, made and shaped for the tokens of this walk if need be.
  kernels::Matrix<float>& shaped(std::size_t index);

  StageRunner& runner_;
  WeightSource& weights_;
  std::int64_t hidden_;
  StateCache<kernels::Matrix<float>> cache_;
  std::span<const std::uint32_t> tokens_;
  std::int64_t window_length_ = 0;
  std::vector<kernels::Matrix<float>> states_;
};

}  // namespace pare::framework
