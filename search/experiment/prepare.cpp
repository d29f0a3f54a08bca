// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/prepare.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/calibration/stage_calibrator.hpp"
#include "framework/data/window_file.hpp"
#include "framework/io/hash.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/feasibility.hpp"
#include "search/experiment/failure.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

// Windows in one task: enough for the GEMM, few enough that many workers share the set.
constexpr std::int64_t windows_per_text_task = 16;
constexpr std::int64_t windows_per_teacher_task = 4;
// A GPU is given the full model's layers anew for each task.
constexpr std::int64_t tokens_per_teacher_task_on_gpu = 32768;

/// One task for each part of [0, count) of at most `step`.
template <class MakeTask>
std::vector<Task> split_windows(std::int64_t count, std::int64_t step, const MakeTask& make_task) {
  std::vector<Task> tasks;
  for (std::int64_t begin = 0; begin < count; begin += step)
    tasks.push_back(make_task(begin, std::min(step, count - begin)));
  return tasks;
}

framework::WindowSets generate_text(const Experiment& experiment, const Plan& plan, Scheduler& scheduler,
                                    Progress& progress) {
  const framework::WindowPlan& windows = plan.windows;
  VALIDATE(plan.model.config().bos_token >= 0, experiment.model.string(),
           "/config.json: no bos_token_id, so no text can be sampled from the model (data.calibration: self), give a "
           "token file");
  const std::int64_t count = windows.windows + windows.holdout + windows.calibration;
  const auto tasks = split_windows(count, windows_per_text_task, [](std::int64_t begin, std::int64_t n) {
    return GenerateText{begin, n};
  });
  std::vector<std::uint32_t> tokens(static_cast<std::size_t>(count * windows.length));
  progress.begin("sampling text", static_cast<double>(tokens.size()), "tokens");
  scheduler.run(tasks, [&](std::size_t index, Outcome& outcome) {
    const auto& part = std::get<GeneratedText>(outcome).tokens;
    const auto& task = std::get<GenerateText>(tasks[index]);
    std::copy(part.begin(), part.end(), tokens.begin() + task.begin * windows.length);
    progress.advance(static_cast<double>(part.size()));
  });
  progress.end();
  const auto holdout = tokens.begin() + windows.windows * windows.length;
  const auto calibration = holdout + windows.holdout * windows.length;
  return {{windows.length, {tokens.begin(), holdout}},
          {windows.length, {holdout, calibration}},
          {windows.length, {calibration, tokens.end()}}};
}

framework::WindowSets read_token_files(const Experiment& experiment, const Plan& plan) {
  try {
    return framework::read_mixture(experiment.texts, plan.windows, plan.model.config().vocabulary);
  } catch (const InputError& error) {
    throw DataError(error.what());
  }
}

/// Names the text without generating it, so that it can be found again.
std::string text_key(const Experiment& experiment, const Plan& plan) {
  framework::Hasher hasher;
  const framework::WindowPlan& windows = plan.windows;
  hasher.update(fmt::format("self-generated 1, model {}, seed {}, {} + {} windows of {}, precision {}, {}",
                            plan.model.hash(), experiment.seed, windows.windows, windows.holdout, windows.length,
                            static_cast<int>(experiment.precision), framework::isa_id()));
  if (windows.calibration > 0) hasher.update(fmt::format(", {} to calibrate on", windows.calibration));
  return hasher.hex();
}

/// One stage after the other, so that no more than the statistics of one stage is held; lanes are dealt over workers.
void gather_statistics(const fs::path& file, const std::string& key, const Plan& plan, Scheduler& scheduler,
                       Progress& progress) {
  const std::vector<framework::Stage>& stages = plan.model.stages();
  const auto workers =
      std::min<std::int64_t>(framework::calibration_lanes, static_cast<std::int64_t>(scheduler.workers()));
  framework::CalibrationWriter writer(file, key);
  progress.begin("calibrating", static_cast<double>(stages.size()), "stages");
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    std::vector<Task> tasks;
    for (std::int64_t w = 0; w < workers; ++w) {
      const std::int64_t begin = w * framework::calibration_lanes / workers;
      const std::int64_t end = (w + 1) * framework::calibration_lanes / workers;
      tasks.push_back(CalibrateStage{stage, begin, end - begin});
    }
    std::map<std::pair<std::size_t, std::int64_t>, framework::ActivationStatistics> parts;  // by reader, then lane
    scheduler.run_on_each(tasks, [&](std::size_t, Outcome& outcome) {
      for (auto& part : std::get<StageCalibrated>(outcome).parts)
        parts.emplace(std::pair{part.reader, part.lane}, std::move(part.statistics));
    });
    for (const std::size_t reader : framework::input_readers(stages[stage])) {
      framework::ActivationStatistics sum(stages[stage].linears[reader].inputs);
      for (std::int64_t lane = 0; lane < framework::calibration_lanes; ++lane) sum.merge(parts.at({reader, lane}));
      writer.add(stages[stage], reader, sum);
    }
    progress.advance(1);
  }
  scheduler.attend_while([&] { writer.commit(); });
  progress.end();
}

/// Options that failed at a site are no part of the space there.
void leave_out_failures(Plan& plan, const framework::LayerBank& bank, Progress& progress) {
  if (bank.failures().empty()) return;
  for (auto failure = bank.failures().rbegin(); failure != bank.failures().rend(); ++failure) {
    plan.space.leave_out(failure->site, static_cast<std::uint8_t>(failure->option), failure->reason);
  }
  std::ranges::reverse(plan.space.left_out);
  for (const LeftOut& each : plan.space.left_out)
    progress.say(fmt::format("warning: {} goes without {}: {}", each.site, each.option, each.reason));
  const std::int64_t least_budget = plan.budgets.back().bytes;
  VALIDATE(plan.space.smallest_bytes() <= least_budget, "budget: ", least_budget,
           " bytes, but without the options that failed (the first: ", plan.space.left_out.front().site, ", ",
           plan.space.left_out.front().option, ": ", plan.space.left_out.front().reason, ") the smallest recipe has ",
           plan.space.smallest_bytes(), " bytes");
  for (Budget& budget : plan.budgets) budget = with_fitting_recipe(plan.space, std::move(budget));
}

}  // namespace

framework::WindowSets prepare_text(const Experiment& experiment, const Plan& plan, NodeFiles& files,
                                   Scheduler& scheduler, Progress& progress) {
  const std::int64_t vocabulary = plan.model.config().vocabulary;
  framework::WindowSets text;
  fs::path file;
  if (experiment.texts.empty()) {
    file = experiment.cache / ("text-" + text_key(experiment, plan) + ".h5");
    if (fs::exists(file)) {
      text = framework::read_window_file(file, vocabulary);
    } else {
      text = generate_text(experiment, plan, scheduler, progress);
    }
  } else {
    text = read_token_files(experiment, plan);
    file = experiment.cache / ("text-" + framework::hash_of(text) + ".h5");
  }
  if (!fs::exists(file)) framework::write_window_file(file, text);
  scheduler.run_on_all(UseText{files.share(file).string()});
  return text;
}

fs::path calibration_file(const Experiment& experiment, const std::string& key) {
  return experiment.cache / ("calibration-" + key + ".h5");
}

std::string prepare_calibration(const Experiment& experiment, const Plan& plan, const framework::WindowSets& text,
                                NodeFiles& files, Scheduler& scheduler, Progress& progress) {
  if (!plan.bank.needs_calibration()) return {};
  const std::string key = framework::calibration_key(plan.model, text.to_calibrate(), experiment.precision);
  const fs::path file = calibration_file(experiment, key);
  while (!fs::exists(file)) {
    try {
      gather_statistics(file, key, plan, scheduler, progress);
    } catch (const WorkerLost& lost) {  // and its hidden states with it; there is one worker less each time
      progress.say(fmt::format("warning: {}; calibrating again", lost.what()));
    }
  }
  scheduler.run_on_all(UseCalibration{files.share(file).string()});
  return key;
}

fs::path prepare_bank(const Experiment& experiment, Plan& plan, const std::string& calibration, NodeFiles& files,
                      Scheduler& scheduler, Progress& progress) {
  framework::Hasher hasher;
  hasher.update(plan.bank.key() + calibration);
  const std::string key = calibration.empty() ? plan.bank.key() : hasher.hex();
  const fs::path file = experiment.cache / ("bank-" + key + ".h5");
  if (!fs::exists(file)) {
    framework::BankWriter writer(file, plan.bank);
    std::vector<Task> tasks;
    for (std::size_t s = 0; s < plan.sites.size(); ++s) tasks.push_back(BuildSite{s});
    progress.begin("building bank", static_cast<double>(tasks.size()), "sites");
    scheduler.run(tasks, [&](std::size_t index, Outcome& outcome) {
      writer.add(index, std::get<SiteBuilt>(outcome).site);
      progress.advance(1);
    });
    scheduler.attend_while([&] { writer.commit(); });
    progress.end();
  }
  const framework::LayerBank bank(file, plan.bank);
  for (std::size_t s = 0; s < plan.sites.size(); ++s) {
    for (std::size_t o = 0; o < plan.sites[s].options.size(); ++o) {
      plan.space.sites[s].options[o].local_error = bank.local_error(s, o);
    }
  }
  leave_out_failures(plan, bank, progress);
  scheduler.run_on_all(UseBank{files.share(file).string()});
  return file;
}

fs::path teacher_file(const Experiment& experiment, const framework::TeacherPlan& plan) {
  return experiment.cache / ("teacher-" + plan.key + ".h5");
}

std::vector<double> prepare_teacher(const Experiment& experiment, const Plan& plan, const framework::WindowSets& text,
                                    NodeFiles& files, Scheduler& scheduler, Progress& progress) {
  const framework::TeacherPlan teacher_plan = framework::make_teacher_plan(
      plan.model, text, experiment.teacher_top_k, experiment.precision, experiment.computes_on);
  const fs::path file = teacher_file(experiment, teacher_plan);
  if (!fs::exists(file)) {
    framework::TeacherWriter writer(file, teacher_plan);
    std::vector<Task> tasks;
    const std::int64_t windows_per_task =
        experiment.computes_on.gpu ? std::max<std::int64_t>(1, tokens_per_teacher_task_on_gpu / teacher_plan.length)
                                   : windows_per_teacher_task;
    for (const WindowSet set : {WindowSet::search, WindowSet::holdout}) {
      const std::int64_t count = set == WindowSet::search ? teacher_plan.search_windows : teacher_plan.holdout_windows;
      const auto part = split_windows(count, windows_per_task, [&](std::int64_t begin, std::int64_t n) {
        return Teach{set, begin, n};
      });
      tasks.insert(tasks.end(), part.begin(), part.end());
    }
    progress.begin("full model", static_cast<double>(teacher_plan.windows() * teacher_plan.length), "tokens");
    scheduler.run(tasks, [&](std::size_t index, Outcome& outcome) {
      const auto& task = std::get<Teach>(tasks[index]);
      const std::int64_t offset = task.set == WindowSet::search ? 0 : teacher_plan.search_windows;
      writer.add(offset + task.begin, std::get<Taught>(outcome).part);
      progress.advance(static_cast<double>(task.count * teacher_plan.length));
    });
    scheduler.attend_while([&] { writer.commit(); });
    progress.end();
  }
  scheduler.run_on_all(UseTeacher{files.share(file).string()});
  return framework::Teacher(file, teacher_plan).holdout_nll();
}

}  // namespace pare::search
