// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/candidate_evaluator.hpp"
#include "framework/evaluation/host_states.hpp"
#include "framework/evaluation/prefix_trie.hpp"
#include "framework/evaluation/shared_prefixes.hpp"
#include "framework/evaluation/teacher.hpp"
#include "framework/evaluation/weight_source.hpp"
#include "framework/model/model.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/transformer/head.hpp"

namespace pare::framework {

struct EvaluatorSettings {
  kernels::Precision precision = kernels::Precision::f32;  ///< of layers whose activations are not quantized
  std::int64_t cache_bytes = std::int64_t{256} << 20;      ///< expanded weights kept between stages
  std::int64_t state_bytes = std::int64_t{64} << 20;       ///< hidden states kept between calls
  StageRange stages = {};                                  ///< of the model, those that this evaluator runs
};

/// The CandidateEvaluator of the CPU. Owns work buffers; model, sites, bank and teacher are shared and must outlive it.
class Evaluator final : public CandidateEvaluator {
 public:
  /// bank may be null when only the full model is run (teach).
  Evaluator(const Model& model, const std::vector<Site>& sites, const LayerBank* bank, std::int64_t longest_window,
            const EvaluatorSettings& settings);

  TeacherPart teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k,
                    std::span<const float> entering = {}) override;
  EvaluationResult evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                            std::int64_t count, const Teacher& teacher, std::int64_t teacher_begin,
                            std::span<const float> entering = {}) override;
  PrefixTrie::Runs pass(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                        std::int64_t count, const StateRoom& room, std::span<const float> entering = {}) override;

 private:
  PrefixTrie::Runs walk(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                        std::int64_t count, std::span<const float> entering, const PrefixTrie::Leaf& leaf);
  SharedPrefixes prefixes_before(std::size_t stage, std::span<const OptionIndices> candidates,
                                 std::int64_t tokens) const;

  using Tile = std::function<void(std::int64_t window, std::int64_t windows, kernels::MatrixView<const float> normed)>;
  /// Calls `use` on tiles of whole windows of the normed hidden state, without the last position of each window.
  void for_scored_positions(kernels::MatrixView<const float> hidden, std::int64_t length, const Tile& use);
  std::span<const std::uint32_t> targets(const TokenWindows& windows, std::int64_t begin, std::int64_t count);

  std::size_t site_count_;
  std::int64_t hidden_;
  StageRange stages_;
  StageRunner runner_;
  WeightSource weights_;
  HostStates states_;
  PrefixTrie trie_;
  std::optional<kernels::LanguageHead> head_;  ///< where the stages end with it
  kernels::Matrix<float> normed_;
  std::vector<std::uint32_t> targets_;
  std::vector<float> divergence_, likelihood_;
};

}  // namespace pare::framework
