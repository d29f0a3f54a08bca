// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/export_job.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "framework/export/verify_export.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/experiment/prepare.hpp"
#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

using SteadyClock = std::chrono::steady_clock;
using framework::Json;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
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

}  // namespace

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

ExportJob::ExportJob(const Experiment& experiment, const RunRecord& record, const ExportRequest& request,
                     const Plan& plan, Session& session, Progress& progress)
    : experiment_(experiment),
      record_(record),
      request_(request),
      plan_(plan),
      session_(session),
      progress_(progress),
      options_(options_of(record, plan, request.recipe)),
      bank_(session.bank_file(), plan.bank),
      layers_(framework::export_layers(plan.model, plan.sites, options_, &bank_)) {}

std::optional<framework::CalibrationFile> ExportJob::statistics() const {
  const std::string& key = session_.calibration_key();
  if (key.empty()) return std::nullopt;
  return framework::CalibrationFile(calibration_file(experiment_, key), key);
}

framework::ImportanceSource ExportJob::importance_source() const {
  const framework::TokenWindows& windows = session_.text().to_calibrate();
  const bool is_own_text = experiment_.texts.empty();
  return {is_own_text ? "text sampled from the model itself by pare" : "the experiment's texts, cut by pare",
          windows.count(), windows.length};
}

ExportReport ExportJob::write(const std::function<framework::ExportedBytes(const Tell&)>& write) {
  const auto start = SteadyClock::now();
  std::int64_t before = 0;
  const framework::ExportedBytes bytes = write([&](std::int64_t done, std::int64_t total) {
    if (before == 0) progress_.begin("writing", static_cast<double>(total), "bytes");
    progress_.advance(static_cast<double>(done - before));
    before = done;
  });
  progress_.end();
  ExportReport report;
  report.promised_bytes = record_.space.bytes(request_.recipe);
  report.layer_bytes = bytes.layers;
  report.total_bytes = bytes.total;
  report.seconds = seconds_since(start);
  return report;
}

ExportReport::Verification ExportJob::verify(const std::filesystem::path& file,
                                             const std::vector<framework::ExportLayer>& layers, bool rounded) {
  const auto start = SteadyClock::now();
  const framework::Model exported(file);
  ExportReport::Verification found;
  found.weights = framework::compare_weights(exported, plan_.model, layers);
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
  found.promised_kl = known ? *known : bank_kl(teacher, settings);
  const auto tell = [&](std::int64_t done) { progress_.advance(static_cast<double>(done)); };
  const auto scores = framework::score_model(exported, session_.text().holdout, teacher, settings, tell);
  progress_.end();
  found.kl = estimate(scores.kl).mean;
  found.perplexity = std::exp(estimate(scores.nll).mean);
  found.tolerance =
      framework::loss_tolerance(rounded ? kernels::Precision::bf16 : experiment_.precision, found.promised_kl);
  found.seconds = seconds_since(start);
  VALIDATE(std::abs(found.kl - found.promised_kl) <= found.tolerance, "export: the file read back has KL ", found.kl,
           " on the held-out windows, the recipe has ", found.promised_kl, " (tolerance ", found.tolerance,
           "), nothing was kept");
  return found;
}

double ExportJob::bank_kl(const framework::Teacher& teacher, const framework::EvaluatorSettings& settings) {
  const framework::TokenWindows& holdout = session_.text().holdout;
  framework::Evaluator evaluator(plan_.model, plan_.sites, &bank_, holdout.length, settings);
  std::vector<double> kl;
  for (std::int64_t w = 0; w < holdout.count(); ++w) {
    const auto part = evaluator.evaluate({&options_, 1}, holdout, w, 1, teacher, teacher.plan().search_windows + w);
    kl.push_back(part.scores[0].kl[0]);
    progress_.advance(1);
  }
  return estimate(kl).mean;
}

void write_export_mark(const ExportJob& job, const ExportReport& report, const std::filesystem::path& directory) {
  const ExportRequest& request = job.request();
  const SearchSpace& space = job.record().space;
  Json json{{"format", request.format}, {"pare", framework::version()}, {"recipe_name", request.recipe_name}};
  json["layer_bytes"] = {{"promised", report.promised_bytes}, {"file", report.layer_bytes}};
  if (const auto& found = report.verification) {
    json["held_out_kl"] = {
        {"promised", found->promised_kl}, {"file", found->kl}, {"windows", job.record().holdout_windows}};
    json["held_out_perplexity"] = found->perplexity;
  }
  if (request.format == "compressed-tensors")
    json["scales"] = "binary16; an engine that computes in bfloat16 rounds them when it loads them";
  for (std::size_t s = 0; s < space.sites.size(); ++s)
    json["recipe"][space.sites[s].name] = space.sites[s].options[request.recipe[s]].name;
  framework::write_file_atomically(directory / export_mark, json.dump(2) + "\n");
}

}  // namespace pare::search
