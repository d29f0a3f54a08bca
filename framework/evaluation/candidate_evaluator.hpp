// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <vector>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/prefix_trie.hpp"
#include "framework/evaluation/teacher.hpp"

namespace pare::framework {

/// Per-window scores of one candidate, nats a token over the scored words: mean KL(teacher || candidate) and mean negative
/// log-likelihood.
struct CandidateScores {
  std::vector<double> kl;
  std::vector<double> nll;
};

/// A candidate gave a loss that is not a finite number.
class LossNotFinite : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct EvaluationResult {
  std::vector<CandidateScores> scores;  ///< in the order of the candidates
  PrefixTrie::Runs runs;
};

/// Room for so many values of hidden states, as SharedPrefixes has them, that leave an evaluator.
using StateRoom = std::function<std::span<float>(std::size_t values)>;

/// Evaluates candidates on one device of one rank: the one place where a recipe turns into a loss. One object serves one
/// thread.
///
/// A model may be split over several evaluators, each with some consecutive stages of its own (EvaluatorSettings::stages):
/// all but the last pass() hidden states on, the last one has the losses. `entering`: the states that reach its first
/// stage, as the evaluator before passed them for the same candidates and windows; empty where that is the embedding.
/// Throws InternalError when they do not fit.
///
/// A candidate's scores on a window depend on the candidate, the window and the device's arithmetic only: not on the other
/// candidates or windows of the call, nor on what was evaluated before.
class CandidateEvaluator {
 public:
  virtual ~CandidateEvaluator() = default;

  /// The full model's answers on windows [begin, begin + count).
  virtual TeacherPart teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k,
                            std::span<const float> entering = {}) = 0;

  /// Scores candidates on windows [begin, begin + count); `teacher_begin` is the position of `begin` in the teacher's
  /// count over both sets. Throws LossNotFinite.
  virtual EvaluationResult evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                    std::int64_t begin, std::int64_t count, const Teacher& teacher,
                                    std::int64_t teacher_begin, std::span<const float> entering = {}) = 0;

  /// Takes candidates on windows [begin, begin + count) to the end of stages that do not end with the head. Asks for room
  /// once; what it is given must not overlap `entering`.
  virtual PrefixTrie::Runs pass(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                std::int64_t begin, std::int64_t count, const StateRoom& room,
                                std::span<const float> entering = {}) = 0;
};

/// For each window from `window` on the mean over its scored words of `values`, [windows, length - 1], summed in order in
/// binary64; 0 where none is scored.
void append_means(std::span<const float> values, const TokenWindows& windows, std::int64_t window,
                  std::vector<double>& means);

/// Throws LossNotFinite.
void check_finite(const CandidateScores& scores);

}  // namespace pare::framework
