// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/evaluation/candidate_evaluator.hpp"
#include "framework/evaluation/compute_device.hpp"
#include "framework/evaluation/device_memory_plan.hpp"
#include "framework/evaluation/device_states.hpp"
#include "framework/evaluation/evaluator.hpp"
#include "framework/evaluation/micro_batches.hpp"

namespace pare::framework {

/// The CandidateEvaluator of a GPU. Owns a stream and all that lies in device memory; model, sites and bank must outlive
/// it. Every window has the same scores however many pass through the model together, for no kernel lets a token depend on
/// others than those of its window.
///
/// After a DeviceError that is sticky the process can do nothing more on the GPU.
class DeviceEvaluator final : public CandidateEvaluator {
 public:
  /// device: a GPU. Of the settings state_bytes and stages count. Throws InputError with the memory plan when there is
  /// not enough memory, before anything is loaded.
  DeviceEvaluator(const ComputeDevice& device, const Model& model, const LayerBank& bank, std::int64_t longest_window,
                  std::int64_t top_k, const EvaluatorSettings& settings);

  TeacherPart teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k,
                    std::span<const float> entering = {}) override;
  EvaluationResult evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                            std::int64_t count, const Teacher& teacher, std::int64_t teacher_begin,
                            std::span<const float> entering = {}) override;
  PrefixTrie::Runs pass(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                        std::int64_t count, const StateRoom& room, std::span<const float> entering = {}) override;

  const DeviceMemoryPlan& memory() const { return memory_; }

 private:
  using MicroBatch = std::function<void(std::int64_t first, std::int64_t windows, const PrefixTrie::Enter& enter)>;
  void for_micro_batches(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t count,
                         std::span<const float> entering, const MicroBatch& run);
  /// The losses of a state's scored positions, against answers and targets that are on the GPU.
  struct Losses {
    std::vector<float> divergence, likelihood;
  };
  Losses score(std::size_t state, std::int64_t top_k);
  void bring_targets(const TokenWindows& windows, std::int64_t begin, std::int64_t count);
  /// Nothing where they are on the GPU already, as for one lease after another of a race.
  void bring_answers(const Teacher& teacher, std::int64_t begin, std::int64_t count);
  /// enter: as PrefixTrie has it.
  EvaluationResult evaluate_together(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                     std::int64_t begin, std::int64_t count, const Teacher& teacher,
                                     std::int64_t teacher_begin, const PrefixTrie::Enter& enter);
  TeacherPart teach_together(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k,
                             const PrefixTrie::Enter& enter);
  /// In as few walks as there are states for.
  PrefixTrie::Runs walk(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
                        std::int64_t count, const PrefixTrie::Leaf& leaf, const PrefixTrie::Enter& enter);
  kernels::DeviceSpan<float> workspace();

  struct Answers {
    std::string teacher;  ///< its plan's key
    std::int64_t begin, count;

    bool operator==(const Answers&) const = default;
  };

  std::size_t site_count_;
  std::int64_t hidden_;
  StageRange stages_;
  kernels::Stream stream_;
  DeviceDemand demand_;
  DeviceMemoryPlan memory_;
  MicroBatches batches_;
  DeviceTables tables_;
  DeviceWeights weights_;
  DeviceStates states_;
  PrefixTrie trie_;
  std::optional<Answers> answers_;  ///< that are on the GPU
};

}  // namespace pare::framework
