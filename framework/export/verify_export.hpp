// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/evaluator.hpp"
#include "framework/evaluation/teacher.hpp"
#include "framework/export/export_layers.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// Whether a model read back from an export has the very weights of the layers that it was written from. Returns how many
/// weights were compared; throws InputError naming the first linear with another bit in it.
std::int64_t compare_weights(const Model& exported, const Model& source, const std::vector<ExportLayer>& layers);

/// A whole model on the held-out windows, against the teacher that the search had: what evaluating the recipe would give,
/// bit for bit on the same machine, when the weights are the same. `progress` hears of windows done.
CandidateScores score_model(const Model& model, const TokenWindows& holdout, const Teacher& teacher,
                            const EvaluatorSettings& settings, const std::function<void(std::int64_t)>& progress);

/// By how much two measurements of one model may differ where machines sum in another order: a logit of binary32 sums is
/// off by a few 1e-6, so that the log probabilities behind a divergence are, too; with bfloat16 arithmetic a sum that
/// falls to the other side of a rounding moves by 2^-9, and the divergence by about a hundredth.
double loss_tolerance(kernels::Precision precision, double kl);

}  // namespace pare::framework
