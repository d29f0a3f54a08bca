// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "framework/model/model.hpp"
#include "framework/model/stage_range.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/gemm/linear.hpp"
#include "kernels/transformer/attention.hpp"
#include "kernels/transformer/rope.hpp"

namespace pare::framework {

/// A linear of a stage, ready for the GEMM.
struct StageLinear {
  const kernels::LinearWeights* weights = nullptr;
  const std::vector<float>* bias = nullptr;  ///< in place of the model's own, where outputs were taken away
};

/// In the order of Stage::linears; empty: the sub-layer was dropped. An attention may have lost head groups (the rows
/// of q, k and v, the columns of o), an mlp channels.
using StageLinears = std::vector<StageLinear>;

/// Sees the input [tokens, inputs] of linears while a stage runs. `reader` is the first of the linears that read it
/// (index into Stage::linears): 0 for q, k, v and gate, up; 3 for o; 2 for down.
using InputObserver = std::function<void(std::size_t reader, kernels::MatrixView<const float> x)>;

/// Runs attention and mlp stages on whole windows. Owns what no option changes (norms, biases, rotary tables) and its
/// work buffers, so one runner serves one thread. Tokens are processed in tiles of whole windows; a token's result
/// does not depend on the tile it falls into.
class StageRunner {
 public:
  /// positions: the longest window that will be run. stages: those that will be; what belongs to others is not read.
  StageRunner(const Model& model, std::int64_t positions, const StageRange& stages = {});

  /// hidden [tokens, hidden] <- hidden + stage(hidden), in place; tokens is a multiple of window_length. The observer,
  /// if any, sees tiles of whole windows in the order of the tokens.
  void run(std::size_t stage, const StageLinears& linears, std::int64_t window_length,
           kernels::MatrixView<float> hidden, const InputObserver& observe = {});

  /// hidden <- embedding rows of the tokens.
  void embed(std::span<const std::uint32_t> tokens, kernels::MatrixView<float> hidden) const;

  /// out <- final norm of hidden: the input of the language head.
  void finish(kernels::MatrixView<const float> hidden, kernels::MatrixView<float> out) const;

  /// Keys and values of one attention stage for a batch of sequences that grow token by token.
  struct KeyValueCache {
    kernels::Matrix<float> keys;  ///< [sequences, capacity * kv_heads * head_dim]
    kernels::Matrix<float> values;
  };
  KeyValueCache make_cache(std::int64_t sequences, std::int64_t capacity) const;

  /// One new token of every sequence, at `position`; extends the cache. hidden [sequences, hidden] in place.
  void decode(std::size_t stage, const StageLinears& linears, std::int64_t position, KeyValueCache& cache,
              kernels::MatrixView<float> hidden);

 private:
  struct StageParameters {
    std::vector<float> norm, q_norm, k_norm;
    std::vector<std::vector<float>> biases;
  };

  kernels::AttentionShape shape_of(const StageLinears& linears) const;
  void project(const StageParameters& parameters, const StageLinears& linears, std::span<const std::int32_t> positions,
               kernels::MatrixView<const float> hidden);
  void run_attention(const StageParameters& parameters, const StageLinears& linears, std::int64_t window_length,
                     kernels::MatrixView<float> hidden, const InputObserver& observe);
  void run_mlp(const StageParameters& parameters, const StageLinears& linears, kernels::MatrixView<float> hidden,
               const InputObserver& observe);

  const Model& model_;
  kernels::AttentionShape shape_;
  float epsilon_;
  kernels::RopeTable rope_;
  std::vector<StageParameters> parameters_;  ///< by stage
  std::vector<float> final_norm_;
  kernels::Matrix<float> embedding_;

  kernels::Matrix<float> normed_, q_, k_, v_, context_, gate_, up_;
  std::vector<std::int32_t> positions_;
};

}  // namespace pare::framework
