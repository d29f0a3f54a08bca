// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "framework/comm/process_info.hpp"
#include "framework/data/item_scores.hpp"
#include "framework/data/self_generated_text.hpp"
#include "framework/data/window_file.hpp"
#include "framework/evaluation/teacher_plan.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "search/coordination/task_failure.hpp"

namespace pare::search {

Hello make_hello(const framework::Model& model, const framework::ComputeDevice& device) {
  Hello hello{framework::build_id(), framework::arithmetic_id(device), model.hash(), framework::host_name(), getpid()};
  if (device.gpu) hello.gpus.push_back(device.address + " of " + hello.host);
  return hello;
}

Worker::Worker(const WorkerSetup& setup)
    : setup_(setup), handover_(setup.device.gpu ? framework::CopiedBy::gpu : framework::CopiedBy::processor) {}

void Worker::serve(framework::Channel& coordinator) {
  kernels::set_kernel_threads(setup_.threads);
  coordinator.send(encode(Reply{.number = 0, .seconds = 0, .outcome = make_hello(setup_.model, setup_.device)}));
  while (true) {
    const NumberedTask numbered = decode_task(coordinator.receive());
    if (std::holds_alternative<Stop>(numbered.task)) return;
    const auto start = std::chrono::steady_clock::now();
    Reply reply{.number = numbered.number, .seconds = 0, .outcome = Ready{}};
    try {
      reply.outcome = std::visit([&](const auto& task) { return carry_out(task); }, numbered.task);
    } catch (const framework::OutOfSight&) {
      reply.outcome = Unseen{};
    } catch (const std::exception& error) {
      reply.outcome = explain_failure(error);
    }
    reply.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    coordinator.send(encode(reply));
    const auto* failed = std::get_if<Failed>(&reply.outcome);
    if (failed != nullptr && failed->kind == FailureKind::device) throw DeviceError(failed->text, true);
  }
}

bool Worker::has_head() const {
  return setup_.evaluator.stages.has_head(setup_.model.stages().size());
}

const framework::TokenWindows& Worker::windows(WindowSet set) const {
  EXPECT(text_.has_value());
  return set == WindowSet::search ? text_->search : text_->holdout;
}

framework::CandidateEvaluator& Worker::evaluator() {
  if (!evaluator_) {
    evaluator_ = framework::make_evaluator(setup_.device, setup_.model, setup_.sites, bank_.get(),
                                           setup_.windows.length, setup_.top_k, setup_.evaluator);
  }
  return *evaluator_;
}

Outcome Worker::carry_out(const GenerateText& task) {
  if (!full_weights_) {
    full_weights_ = std::make_unique<framework::FullWeights>(setup_.model, setup_.evaluator.precision);
    text_head_ =
        std::make_unique<kernels::LanguageHead>(framework::load_head(setup_.model, setup_.evaluator.precision));
  }
  framework::TextGenerator generator(setup_.model, *full_weights_, *text_head_, setup_.text_seed,
                                     setup_.windows.length);
  return GeneratedText{generator.generate(task.begin, task.count).tokens};
}

Outcome Worker::carry_out(const UseText& task) {
  text_ = framework::read_window_file(task.file, setup_.model.config().vocabulary);
  full_weights_.reset();
  text_head_.reset();
  return Ready{};
}

Outcome Worker::carry_out(const CalibrateStage& task) {
  const auto stage = static_cast<std::size_t>(task.stage);
  EXPECT(text_.has_value());
  if (stage == 0) {
    calibrator_ = std::make_unique<framework::StageCalibrator>(setup_.model, text_->to_calibrate(), task.first_lane,
                                                               task.lanes, setup_.evaluator.precision);
  }
  EXPECT(calibrator_ != nullptr);
  StageCalibrated calibrated{calibrator_->run(stage)};
  if (stage + 1 == setup_.model.stages().size()) calibrator_.reset();
  return calibrated;
}

Outcome Worker::carry_out(const UseCalibration& task) {
  EXPECT(text_.has_value());
  const std::string key = framework::calibration_key(setup_.model, text_->to_calibrate(), setup_.evaluator.precision);
  calibration_ = std::make_unique<framework::CalibrationFile>(task.file, key);
  return Ready{};
}

Outcome Worker::carry_out(const BuildSite& task) {
  if (!arithmetic_) arithmetic_ = framework::make_compression_arithmetic(setup_.device.gpu);
  return SiteBuilt{
      framework::build_site(setup_.bank_plan, static_cast<std::size_t>(task.site), calibration_.get(), *arithmetic_)};
}

Outcome Worker::carry_out(const UseBank& task) {
  arithmetic_.reset();
  bank_ = std::make_unique<framework::LayerBank>(task.file, setup_.bank_plan);
  sound_options_.clear();
  for (std::size_t site = 0; site < setup_.sites.size(); ++site) sound_options_.push_back(bank_->sound_options(site));
  evaluator_.reset();
  return Ready{};
}

template <class Task>
Passed Worker::pass(const Task& task, std::span<const framework::OptionIndices> candidates, std::int64_t begin,
                    std::int64_t count) {
  const framework::StateRoom room = [&](std::size_t values) { return handover_.room(task.slot, values); };
  const auto runs = evaluator().pass(candidates, windows(task.set), begin, count, room, handover_.take(task.states));
  return {handover_.give(), runs.made, runs.separate};
}

Outcome Worker::carry_out(const Teach& task) {
  if (!has_head()) {
    const framework::OptionIndices full(setup_.sites.size(), framework::full_precision_option);
    return pass(task, {&full, 1}, task.begin, task.count);
  }
  return Taught{
      evaluator().teach(windows(task.set), task.begin, task.count, setup_.top_k, handover_.take(task.states))};
}

Outcome Worker::carry_out(const UseTeacher& task) {
  EXPECT(text_.has_value());
  teacher_ = std::make_unique<framework::Teacher>(
      task.file,
      framework::make_teacher_plan(setup_.model, *text_, setup_.top_k, setup_.evaluator.precision, setup_.device));
  return Ready{};
}

Outcome Worker::carry_out(const Evaluate& task) {
  EXPECT(teacher_ && bank_);
  const framework::TokenWindows& text = windows(task.set);
  const std::int64_t rows = std::max<std::int64_t>(1, text.items.rows);
  const std::int64_t offset = task.set == WindowSet::search ? 0 : windows(WindowSet::search).count();
  std::vector<framework::OptionIndices> candidates = task.recipes;
  for (framework::OptionIndices& candidate : candidates) {
    EXPECT(candidate.size() == sound_options_.size());
    for (std::size_t site = 0; site < candidate.size(); ++site) {
      EXPECT(candidate[site] < sound_options_[site].size());
      candidate[site] = sound_options_[site][candidate[site]];
    }
  }
  const std::int64_t begin = rows * task.begin, count = rows * task.count;
  if (!has_head()) return pass(task, candidates, begin, count);
  const framework::EvaluationResult result =
      evaluator().evaluate(candidates, text, begin, count, *teacher_, offset + begin, handover_.take(task.states));
  Evaluated evaluated{.kl = {}, .nll = {}, .stage_runs = result.runs.made, .stage_runs_separate = result.runs.separate};
  const auto append = [](std::vector<double>& all, const std::vector<double>& values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const auto& scores : result.scores) {
    if (text.items.empty()) {
      append(evaluated.kl, scores.kl);
      append(evaluated.nll, scores.nll);
      continue;
    }
    const framework::ItemScores items = framework::score_items(text, task.begin, scores.kl, scores.nll);
    append(evaluated.kl, items.kl);
    append(evaluated.nll, items.nll);
    append(evaluated.wrong, items.wrong);
  }
  return evaluated;
}

Outcome Worker::carry_out(const Stop&) {
  throw InternalError("Stop is not a task to carry out");
}

Outcome Worker::carry_out(const Echo&) {
  throw InternalError("Echo is not a task to carry out");
}

}  // namespace pare::search
