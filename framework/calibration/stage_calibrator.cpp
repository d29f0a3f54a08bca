// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/stage_calibrator.hpp"

#include <map>
#include <span>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

// Order of Stage::linears.
constexpr std::size_t o_proj = 3, down_proj = 2;

}  // namespace

Lane calibration_lane(std::int64_t lane, std::int64_t windows) {
  const std::int64_t begin = lane * windows / calibration_lanes;
  return {begin, (lane + 1) * windows / calibration_lanes - begin};
}

std::vector<std::size_t> input_readers(const Stage& stage) {
  if (stage.kind == StageKind::attention) return {0, o_proj};
  if (stage.kind == StageKind::mlp) return {0, down_proj};
  return {};
}

std::size_t input_reader(const Stage& stage, std::size_t linear) {
  const std::size_t last = stage.kind == StageKind::attention ? o_proj : down_proj;
  return linear == last ? last : 0;
}

StageCalibrator::StageCalibrator(const Model& model, const TokenWindows& windows, std::int64_t first_lane,
                                 std::int64_t lanes, kernels::Precision precision)
    : model_(model), length_(windows.length), precision_(precision), runner_(model, windows.length) {
  for (std::int64_t l = first_lane; l < first_lane + lanes; ++l) {
    const Lane lane = calibration_lane(l, windows.count());
    LaneState state{.lane = l, .hidden = {}};
    state.hidden.reshape(lane.count * length_, model.config().hidden);
    const auto tokens =
        std::span<const std::uint32_t>(windows.tokens)
            .subspan(static_cast<std::size_t>(lane.begin * length_), static_cast<std::size_t>(lane.count * length_));
    if (lane.count > 0) runner_.embed(tokens, state.hidden.view());
    lanes_.push_back(std::move(state));
  }
}

std::vector<StageCalibrator::Part> StageCalibrator::run(std::size_t stage) {
  EXPECT(stage == next_stage_, stage, " after ", next_stage_);
  ++next_stage_;
  const Stage& description = model_.stages()[stage];
  if (description.linears.empty()) return {};
  std::vector<kernels::LinearWeights> weights;
  kernels::Matrix<float> weight;
  for (const Linear& linear : description.linears) {
    weights.push_back(model_.load_linear(linear, precision_, weight));
  }
  StageLinears linears;
  for (const auto& linear : weights) linears.push_back({&linear, nullptr});

  std::vector<Part> parts;
  for (LaneState& lane : lanes_) {
    const std::size_t first = parts.size();
    for (const std::size_t reader : input_readers(description))
      parts.push_back({lane.lane, reader, ActivationStatistics(description.linears[reader].inputs)});
    runner_.run(stage, linears, length_, lane.hidden.view(),
                [&](std::size_t reader, kernels::MatrixView<const float> x) {
                  ActivationStatistics& statistics = parts[first + (reader == 0 ? 0 : 1)].statistics;
                  try {
                    for (std::int64_t t = 0; t < x.rows; t += length_) statistics.add(x.rows_from(t, length_));
                  } catch (const InputError& error) {
                    throw InputError("the input of " + description.linears[reader].name + ": " + error.what());
                  }
                });
  }
  return parts;
}

}  // namespace pare::framework
