// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "framework/calibration/activation_statistics.hpp"
#include "framework/data/token_windows.hpp"
#include "framework/model/model.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// The calibration windows are cut into this many lanes, whatever the number of workers. Statistics are gathered lane
/// by lane and merged in the order of the lanes: so they do not depend on who gathered what.
inline constexpr std::int64_t calibration_lanes = 8;

struct Lane {
  std::int64_t begin = 0;  ///< first window
  std::int64_t count = 0;  ///< may be 0, where there are fewer windows than lanes
};
Lane calibration_lane(std::int64_t lane, std::int64_t windows);

/// The linears of a stage that are the first to read an input: {0, 3} of an attention, {0, 2} of an mlp, none
/// elsewhere.
std::vector<std::size_t> input_readers(const Stage& stage);
/// The reader whose input linear `linear` shares.
std::size_t input_reader(const Stage& stage, std::size_t linear);

/// Takes some lanes of the calibration windows through the full model, a stage at a time. Keeps their hidden states
/// ([tokens, hidden] in binary32) and the weights of one stage; the statistics of a stage leave with run().
class StageCalibrator {
 public:
  /// Model and windows must outlive the calibrator.
  StageCalibrator(const Model& model, const TokenWindows& windows, std::int64_t first_lane, std::int64_t lanes,
                  kernels::Precision precision);

  struct Part {
    std::int64_t lane = 0;
    std::size_t reader = 0;
    ActivationStatistics statistics;
  };

  /// EXPECTs the stages in their order, each once. Throws InputError when an activation is not finite.
  std::vector<Part> run(std::size_t stage);

 private:
  struct LaneState {
    std::int64_t lane = 0;
    kernels::Matrix<float> hidden;
  };

  const Model& model_;
  std::int64_t length_;
  kernels::Precision precision_;
  StageRunner runner_;
  std::vector<LaneState> lanes_;
  std::size_t next_stage_ = 0;
};

}  // namespace pare::framework
