// SPDX-License-Identifier: Apache-2.0
#include "framework/export/verify_export.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "framework/compression/option.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

// Hidden states of a batch of windows.
constexpr std::int64_t max_state_bytes = std::int64_t{64} << 20;

}  // namespace

std::int64_t compare_weights(const Model& exported, const Model& source, const std::vector<ExportLayer>& layers) {
  std::map<std::string, const Linear*> linears;
  for (const Stage& stage : exported.stages())
    for (const Linear& linear : stage.linears) linears[linear.name] = &linear;
  std::int64_t weights = 0;
  kernels::Matrix<float> found, wanted;
  for (const ExportLayer& layer : layers) {
    exported.read_weight(*linears.at(layer.linear->name), found);
    read_layer(source, layer, wanted);
    const bool same =
        found.rows() == wanted.rows() && found.cols() == wanted.cols() &&
        std::memcmp(found.data(), wanted.data(), static_cast<std::size_t>(found.size()) * sizeof(float)) == 0;
    VALIDATE(same, exported.directory().string(), ": ", layer.linear->name, " ('", layer.option.name(),
             "') reads back with other weights than were written");
    weights += found.size();
  }
  return weights;
}

CandidateScores score_model(const Model& model, const TokenWindows& holdout, const Teacher& teacher,
                            const EvaluatorSettings& settings, const std::function<void(std::int64_t)>& progress) {
  const std::vector<Site> sites = make_sites(model, {{"*", {Option{}}}}, {});
  Evaluator evaluator(model, sites, nullptr, holdout.length, settings);
  const std::vector<OptionIndices> whole{OptionIndices(sites.size(), full_precision_option)};
  const std::int64_t state_bytes = holdout.length * model.config().hidden * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t step = std::max<std::int64_t>(1, max_state_bytes / state_bytes);
  CandidateScores scores;
  for (std::int64_t begin = 0; begin < holdout.count(); begin += step) {
    const std::int64_t count = std::min(step, holdout.count() - begin);
    const EvaluationResult part =
        evaluator.evaluate(whole, holdout, begin, count, teacher, teacher.plan().search_windows + begin);
    scores.kl.insert(scores.kl.end(), part.scores[0].kl.begin(), part.scores[0].kl.end());
    scores.nll.insert(scores.nll.end(), part.scores[0].nll.begin(), part.scores[0].nll.end());
    progress(count);
  }
  return scores;
}

double loss_tolerance(kernels::Precision precision, double kl) {
  return precision == kernels::Precision::f32 ? 1e-6 + 1e-4 * kl : 1e-4 + 1e-2 * kl;
}

}  // namespace pare::framework
