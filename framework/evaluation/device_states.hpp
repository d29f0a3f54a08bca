// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "framework/evaluation/device_layout.hpp"
#include "framework/evaluation/device_tables.hpp"
#include "framework/evaluation/device_weights.hpp"
#include "framework/evaluation/hidden_states.hpp"
#include "framework/evaluation/state_cache.hpp"
#include "framework/model/model.hpp"
#include "kernels/gemm/gemm_bf16.hpp"
#include "kernels/transformer/attention.hpp"

namespace pare::framework {

/// Hidden states in the memory of a GPU, in binary32; StageRunner's twin. All work is enqueued on one stream. Products
/// take bfloat16 or int8 and sum in binary32 or int32; what lies between the products of a stage is bfloat16.
class DeviceStates final : public HiddenStates {
 public:
  /// Takes WalkLayout(shape, micro_batch_tokens).total_bytes() of device memory, and up to cache_bytes for states that are
  /// kept. Throws DeviceMemoryError. All that is referred to must outlive it.
  DeviceStates(const Model& model, DeviceWeights& weights, const DeviceTables& tables, const WalkShape& shape,
               std::int64_t micro_batch_tokens, std::int64_t cache_bytes, const kernels::Stream& stream);

  void use_windows(std::span<const std::uint32_t> tokens, std::int64_t window_length) override;
  void embed(std::size_t state) override;
  void copy(std::size_t from, std::size_t to) override;
  void run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) override;
  std::size_t most_abreast() const override;
  void keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t state) override;
  std::optional<std::size_t> restore(std::span<const std::uint8_t> options, std::span<const std::size_t> first_site,
                                     std::size_t first_stage, std::size_t last_stage, std::size_t state) override;

  /// Enqueue state <- values, [tokens, hidden], from the host, and back.
  void put(std::size_t state, kernels::MatrixView<const float> values);
  void get(std::size_t state, kernels::MatrixView<float> values);
  kernels::DeviceView<float> state(std::size_t index) { return states(index, 1); }
  /// A buffer of the walk.
  template <class T>
  T* at(std::int64_t offset) {
    return reinterpret_cast<T*>(block_.data() + offset);
  }
  const WalkLayout& layout() const { return layout_; }
  /// Final norm of a state without the last position of each window: the input of the head, [windows * (length - 1),
  /// hidden].
  kernels::DeviceView<const kernels::BFloat16> finish(std::size_t state);

  /// Gives back the memory of states that were kept.
  void forget() { cache_.clear(); }

 private:
  using State = kernels::DeviceMatrix<float>;

  /// Neighbours as one: [count * tokens, hidden].
  kernels::DeviceView<float> states(std::size_t first, std::size_t count);
  /// How many there is room for.
  std::size_t capacity() const;
  /// bfloat16 [rows, cols] at an offset, rows at multiples of 16 bytes.
  kernels::DeviceView<kernels::BFloat16> rounded_at(std::int64_t offset, std::int64_t rows, std::int64_t cols);
  kernels::DeviceView<std::int8_t> codes(std::int64_t rows, std::int64_t cols);
  kernels::DeviceSpan<float> code_scales(std::int64_t rows) { return {at<float>(layout_.code_scales), rows}; }
  /// norm(hidden), the stage's input, in bfloat16, and in codes for the inputs of an int8 linear.
  kernels::DeviceView<const kernels::BFloat16> normed(kernels::DeviceView<const float> hidden,
                                                      kernels::DeviceSpan<const float> norm);
  kernels::DeviceView<const std::int8_t> normed_codes(kernels::DeviceView<const float> hidden,
                                                      kernels::DeviceSpan<const float> norm,
                                                      const kernels::DeviceInt8Input& input);
  /// out <- norm(hidden) * weight^T + bias, for a linear that reads the stage's input. `own`: the model's bias.
  void project(const DeviceLinear& linear, const DeviceBias& own, kernels::DeviceView<const float> hidden,
               kernels::DeviceSpan<const float> norm, kernels::DeviceView<kernels::BFloat16> out);
  void run_attention(std::size_t stage, const std::vector<DeviceLinear>& linears, kernels::DeviceView<float> hidden);
  /// out <- swiglu of gate and up in one product, where there is one for what they are; whether there was.
  bool project_gated(const DeviceTables::OfStage& parts, const std::vector<DeviceLinear>& linears,
                     kernels::DeviceView<const float> hidden, kernels::DeviceView<kernels::BFloat16> out);
  void run_mlp(std::size_t stage, const std::vector<DeviceLinear>& linears, kernels::DeviceView<float> hidden);
  /// hidden <- hidden + x * weight^T + bias; of int8 the codes of x are in the buffer already.
  void add_product(const DeviceLinear& linear, const DeviceBias& own, kernels::DeviceView<const kernels::BFloat16> x,
                   kernels::DeviceView<float> hidden);

  const Model& model_;
  DeviceWeights& weights_;
  const DeviceTables& tables_;
  const kernels::Stream& stream_;
  kernels::Bf16Gemm gemm_;
  float epsilon_;
  std::int64_t most_tokens_;
  WalkLayout layout_;
  std::size_t states_of_a_walk_;  ///< at least, with most_tokens_ tokens each
  kernels::DeviceMatrix<std::byte> block_;
  StateCache<State> cache_;
  std::int64_t tokens_ = 0;
  std::int64_t window_length_ = 0;
  std::int64_t positions_of_ = 0;  ///< the window length that the positions on the GPU are of
  bool normed_ready_ = false;      ///< of the stage under way: the normed input, in bfloat16 and in codes
  bool codes_ready_ = false;
};

}  // namespace pare::framework
