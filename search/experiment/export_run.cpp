// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/export_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "framework/bank/layer_bank.hpp"
#include "framework/evaluation/teacher.hpp"
#include "framework/export/export_model.hpp"
#include "framework/export/llm_compressor.hpp"
#include "framework/export/verify_export.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "framework/io/staged_directory.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/failure.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/prepare.hpp"
#include "search/experiment/session.hpp"
#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using framework::ExportLayer;
using framework::Json;

/// Tells an export from what people put there.
constexpr const char* mark = "pare_export.json";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_recipe(const std::string& format) {
  return format == "recipe" || format == "llm-compressor";
}

std::unique_ptr<framework::ModelFormat> format_named(const std::string& name) {
  return name == "dense" ? framework::dense_format() : framework::compressed_tensors_format();
}

void check_output(const ExportRequest& request) {
  if (request.replace || !fs::exists(request.output)) return;
  VALIDATE(!is_recipe(request.format), "--output ", request.output.string(),
           " exists, choose another name or say --force");
  VALIDATE(fs::exists(request.output / mark), "--output ", request.output.string(),
           " exists and was not written by pare, choose another name or say --force");
}

void check_model(const RunRecord& record, const framework::Model& model) {
  for (const auto& [key, value] : record.provenance) {
    VALIDATE(key != "model_hash" || value == model.hash(), model.directory().string(),
             ": is not the model that the run searched (its hash is ", model.hash(), ", the run's is ", value,
             "), name the right one with --set model.path=DIR");
  }
}

/// The run's recipe as indices into the options of the plan's sites, some of which the run may have left out.
framework::OptionIndices options_of(const RunRecord& record, const Plan& plan, const Recipe& recipe) {
  VALIDATE(record.space.sites.size() == plan.sites.size(), "the run has ", record.space.sites.size(),
           " sites, its experiment ", plan.sites.size());
  framework::OptionIndices options;
  for (std::size_t s = 0; s < plan.sites.size(); ++s) {
    const std::string& name = record.space.sites[s].options[recipe[s]].name;
    const auto& known = plan.sites[s].options;
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto& option) { return option.name() == name; });
    VALIDATE(found != known.end(), plan.sites[s].name, " has no option '", name, "' in the experiment of the run");
    options.push_back(static_cast<std::uint8_t>(found - known.begin()));
  }
  return options;
}

/// Files are verified on the CPU, with which losses of a GPU agree only nearly. Runs of before GPUs say nothing.
bool ran_on_cpu(const RunRecord& record) {
  return std::ranges::none_of(record.provenance,
                              [](const auto& fact) { return fact.first == "device" && fact.second != "CPU"; });
}

/// What the run measured of the recipe on all held-out windows.
std::optional<double> known_kl(const RunRecord& record, const Recipe& recipe) {
  for (const Trial& trial : record.trials) {
    const EvaluationRequest& request = trial.request;
    if (request.set == WindowSet::holdout && request.recipe == recipe && request.begin == 0 &&
        request.count == record.holdout_windows && !trial.failed())
      return estimate(trial.kl).mean;
  }
  return std::nullopt;
}

void write_recipe(const RunRecord& record, const Plan& plan, const ExportRequest& request) {
  std::string text = fmt::format("# Recipe '{}' of a search by pare {}; model {}\n", request.recipe_name,
                                 framework::version(), plan.model.directory().string());
  if (request.format == "recipe") {
    text += request.recipe_text;
  } else {
    text += framework::llm_compressor_recipe(
        framework::export_layers(plan.model, plan.sites, options_of(record, plan, request.recipe), nullptr));
  }
  framework::write_file_atomically(request.output, text);
}

/// Beside the weights, for whoever finds the directory later.
void write_mark(const RunRecord& record, const ExportRequest& request, const ExportReport& report, const fs::path& to) {
  Json json{{"format", request.format},
            {"pare", framework::version()},
            {"recipe_name", request.recipe_name},
            {"layer_bytes", {{"promised", report.promised_bytes}, {"file", report.layer_bytes}}}};
  if (const auto& found = report.verification) {
    json["held_out_kl"] = {{"promised", found->promised_kl}, {"file", found->kl}, {"windows", record.holdout_windows}};
    json["held_out_perplexity"] = found->perplexity;
  }
  json["scales"] = "binary16; an engine that computes in bfloat16 rounds them when it loads them";
  if (request.format != "compressed-tensors") json.erase("scales");
  for (std::size_t s = 0; s < record.space.sites.size(); ++s)
    json["recipe"][record.space.sites[s].name] = record.space.sites[s].options[request.recipe[s]].name;
  framework::write_file_atomically(to / mark, json.dump(2) + "\n");
}

/// One export of weights, from the bank to a directory in place.
class ModelExport {
 public:
  ModelExport(const Experiment& experiment, const RunRecord& record, const ExportRequest& request, Plan& plan,
              Session& session, Progress& progress)
      : experiment_(experiment),
        record_(record),
        request_(request),
        plan_(plan),
        session_(session),
        progress_(progress),
        options_(options_of(record, plan, request.recipe)),
        bank_(session.bank_file(), plan.bank),
        layers_(framework::export_layers(plan.model, plan.sites, options_, &bank_)) {}

  ExportReport run() {
    framework::StagedDirectory staged(request_.output);
    report_.promised_bytes = record_.space.bytes(request_.recipe);
    write(staged.path());
    if (request_.verify) verify(staged.path());
    write_mark(record_, request_, report_, staged.path());
    staged.commit();
    return report_;
  }

 private:
  void write(const fs::path& directory) {
    const auto start = Clock::now();
    std::int64_t before = 0;
    const auto tell = [&](std::int64_t done, std::int64_t total) {
      if (before == 0) progress_.begin("writing", static_cast<double>(total), "bytes");
      progress_.advance(static_cast<double>(done - before));
      before = done;
    };
    const auto bytes = framework::export_model(plan_.model, layers_, *format_named(request_.format), directory, tell);
    progress_.end();
    report_.layer_bytes = bytes.layers;
    report_.total_bytes = bytes.total;
    report_.seconds = seconds_since(start);
  }

  void verify(const fs::path& directory) {
    const auto start = Clock::now();
    const framework::Model exported(directory);
    ExportReport::Verification found;
    found.weights = framework::compare_weights(exported, plan_.model, layers_);
    const bool is_text = session_.text().holdout.items.empty();  // else a trial's windows are items of several rows
    const std::optional<double> known =
        is_text && ran_on_cpu(record_) ? known_kl(record_, request_.recipe) : std::nullopt;
    found.measured_before = known.has_value();
    const std::int64_t windows = session_.text().holdout.count();
    progress_.begin("verifying", static_cast<double>(known ? windows : 2 * windows), "windows");
    const framework::TeacherPlan answers =
        framework::make_teacher_plan(plan_.model, session_.text(), experiment_.teacher_top_k, experiment_.precision);
    const framework::Teacher teacher(teacher_file(experiment_, answers), answers);
    const framework::EvaluatorSettings settings{.precision = experiment_.precision,
                                                .cache_bytes = experiment_.weight_cache_mib << 20};
    const auto tell = [&](std::int64_t done) { progress_.advance(static_cast<double>(done)); };
    found.promised_kl = known ? *known : bank_kl(teacher, settings, tell);
    const auto scores = framework::score_model(exported, session_.text().holdout, teacher, settings, tell);
    progress_.end();
    found.kl = estimate(scores.kl).mean;
    found.perplexity = std::exp(estimate(scores.nll).mean);
    found.tolerance = framework::loss_tolerance(experiment_.precision, found.promised_kl);
    found.seconds = seconds_since(start);
    VALIDATE(std::abs(found.kl - found.promised_kl) <= found.tolerance, "export: the file read back has KL ", found.kl,
             " on the held-out windows, the recipe has ", found.promised_kl, " (tolerance ", found.tolerance,
             "), nothing was kept");
    report_.verification = found;
  }

  template <class Tell>
  double bank_kl(const framework::Teacher& teacher, const framework::EvaluatorSettings& settings, const Tell& tell) {
    const framework::TokenWindows& holdout = session_.text().holdout;
    framework::Evaluator evaluator(plan_.model, plan_.sites, &bank_, holdout.length, settings);
    std::vector<double> kl;
    for (std::int64_t w = 0; w < holdout.count(); ++w) {
      const auto part = evaluator.evaluate({&options_, 1}, holdout, w, 1, teacher, teacher.plan().search_windows + w);
      kl.push_back(part.scores[0].kl[0]);
      tell(1);
    }
    return estimate(kl).mean;
  }

  const Experiment& experiment_;
  const RunRecord& record_;
  const ExportRequest& request_;
  Plan& plan_;
  Session& session_;
  Progress& progress_;
  framework::OptionIndices options_;
  framework::LayerBank bank_;
  std::vector<ExportLayer> layers_;
  ExportReport report_;
};

}  // namespace

const std::vector<std::string>& export_formats() {
  static const std::vector<std::string> formats{"compressed-tensors", "dense", "recipe", "llm-compressor"};
  return formats;
}

ExportReport export_run(const Experiment& experiment, const RunRecord& record, const ExportRequest& request,
                        framework::ProcessGroup& group) {
  check_output(request);
  Progress progress(request.quiet);
  Plan plan(experiment);
  check_model(record, plan.model);
  if (is_recipe(request.format)) {
    dismiss_remote_workers(group);
    write_recipe(record, plan, request);
    return {.promised_bytes = record.space.bytes(request.recipe), .verification = std::nullopt};
  }
  // What cannot be exported shows before anything is computed.
  framework::check_exportable(
      plan.model, framework::export_layers(plan.model, plan.sites, options_of(record, plan, request.recipe), nullptr),
      *format_named(request.format));
  make_directory(experiment.cache, "cache");
  Session session(experiment, plan, group, progress, [](std::size_t) { leave_late_drain([] {}); });
  return ModelExport(experiment, record, request, plan, session, progress).run();
}

}  // namespace pare::search
