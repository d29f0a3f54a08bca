// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/bank/layer_bank.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/calibration/stage_calibrator.hpp"
#include "framework/comm/channel.hpp"
#include "framework/data/token_windows.hpp"
#include "framework/evaluation/make_evaluator.hpp"
#include "framework/evaluation/teacher.hpp"
#include "framework/model/full_weights.hpp"
#include "framework/model/model.hpp"
#include "search/coordination/protocol.hpp"
#include "search/coordination/state_handover.hpp"

namespace pare::search {

/// What every worker of a run knows from the experiment alone. The references must outlive the worker; workers that
/// are threads of one process share them.
struct WorkerSetup {
  const framework::Model& model;
  const std::vector<framework::Site>& sites;
  const framework::BankPlan& bank_plan;
  framework::ComputeDevice device;
  framework::EvaluatorSettings evaluator;
  framework::WindowPlan windows;
  std::uint64_t text_seed = 1;
  std::int64_t top_k = 512;
  int threads = 1;  ///< kernel threads of this worker
};

/// What this process says of itself.
Hello make_hello(const framework::Model& model, const framework::ComputeDevice& device);

/// Carries out tasks, one after the other, on one rank. Opens text, bank and teacher when it is told where they are.
class Worker {
 public:
  explicit Worker(const WorkerSetup& setup);

  /// Says Hello, then answers tasks until Stop arrives. An exception becomes a Failed outcome, and the worker goes on;
  /// after a DeviceError that is sticky it cannot, and throws it once the coordinator knows.
  void serve(framework::Channel& coordinator);

 private:
  Outcome carry_out(const GenerateText& task);
  Outcome carry_out(const UseText& task);
  Outcome carry_out(const CalibrateStage& task);
  Outcome carry_out(const UseCalibration& task);
  Outcome carry_out(const BuildSite& task);
  Outcome carry_out(const UseBank& task);
  Outcome carry_out(const Teach& task);
  Outcome carry_out(const UseTeacher& task);
  Outcome carry_out(const Evaluate& task);
  Outcome carry_out(const Stop& task);
  Outcome carry_out(const Echo& task);

  const framework::TokenWindows& windows(WindowSet set) const;
  framework::CandidateEvaluator& evaluator();
  /// Its stages are the last of the model, or all.
  bool has_head() const;
  /// To the end of stages that are not the last. Task: Teach or Evaluate.
  template <class Task>
  Passed pass(const Task& task, std::span<const framework::OptionIndices> candidates, std::int64_t begin,
              std::int64_t count);

  WorkerSetup setup_;
  std::optional<framework::WindowSets> text_;
  std::unique_ptr<framework::StageCalibrator> calibrator_;  ///< only while statistics are gathered
  std::unique_ptr<framework::CalibrationFile> calibration_;
  std::unique_ptr<framework::CompressionArithmetic> arithmetic_;  ///< only while the bank is built
  std::unique_ptr<framework::LayerBank> bank_;
  std::vector<std::vector<std::uint8_t>> sound_options_;  ///< by site: what the options of a recipe stand for
  std::unique_ptr<framework::Teacher> teacher_;
  std::unique_ptr<framework::CandidateEvaluator> evaluator_;
  StateHandover handover_;
  std::unique_ptr<framework::FullWeights> full_weights_;  ///< only while text is generated
  std::unique_ptr<kernels::LanguageHead> text_head_;      ///< likewise
};

}  // namespace pare::search
