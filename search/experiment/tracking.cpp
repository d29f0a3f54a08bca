// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/tracking.hpp"

#include <cmath>
#include <exception>
#include <utility>

#include "framework/io/system_error.hpp"
#include "framework/provenance/provenance.hpp"
#include "search/objective/window_loss.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {
namespace {

using framework::Json;

/// Of a failed write without what only a journal has to say.
std::string reason_of(const std::exception& error) {
  const auto* const failed = dynamic_cast<const JournalError*>(&error);
  return failed == nullptr ? error.what()
                           : failed->file().string() + ": " + framework::system_reason(failed->error_number());
}

/// JSON has no infinity: the loss of a failed trial is null.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

}  // namespace

Tracking::Tracking(const Experiment& experiment, const std::string& run, const RunRecord& record, Say say)
    : record_(record), say_(std::move(say)) {
  const TrackingSettings& settings = experiment.tracking;
  if (!settings.jsonl.empty()) open([&] { return open_json_lines(settings.jsonl, run); });
  if (!settings.tensorboard.empty()) open([&] { return open_event_file(settings.tensorboard, run); });
  Json line = begin_line("start");
  line["run"] = run;
  line["pare"] = framework::version();
  line["output"] = experiment.output.string();
  line["algorithm"] = record.algorithm;
  line["seed"] = record.seed;
  line["objective"] = loss_name(record.objective);
  line["experiment"] = record.yaml;
  write({.trial = -1, .line = std::move(line), .scalars = {}});
}

void Tracking::stage(const std::string& name, std::int64_t budget_bytes) {
  stage_ = name;
  budget_bytes_ = budget_bytes;
  Json line = begin_line("stage");
  line["stage"] = name;
  line["budget_bytes"] = budget_bytes;
  write({.trial = -1, .line = std::move(line), .scalars = {}});
}

void Tracking::trials(std::span<const Trial> trials, std::int64_t search_tokens, const std::optional<BestSoFar>& best) {
  if (sinks_.empty()) return;
  for (const Trial& trial : trials) write(tracked(trial, search_tokens, best));
}

TrackedEvent Tracking::tracked(const Trial& trial, std::int64_t search_tokens,
                               const std::optional<BestSoFar>& best) const {
  const WindowSet set = trial.request.set;
  const std::string set_name = set == WindowSet::search ? "search" : "holdout";
  const WindowLoss objective(record_.objective, set);
  const double loss = objective.mean(objective.values(trial), trial.request.begin).mean;
  const double kl = estimate(trial.kl).mean;
  const std::int64_t bytes = record_.space.bytes(trial.request.recipe);
  const double bits = record_.space.bits_per_weight(bytes);

  TrackedEvent event{.trial = trial.id, .line = begin_line("trial"), .scalars = {}};
  Json& line = event.line;
  line["step"] = trial.id;
  line["stage"] = stage_;
  line["budget_bytes"] = budget_bytes_;
  line["tokens"] = search_tokens;
  line["set"] = set_name;
  line["windows"] = trial.request.count;
  line["bytes"] = bytes;
  line["bits_per_weight"] = bits;
  line["kl"] = number(kl);
  line["loss"] = number(loss);
  if (trial.failed()) line["failure"] = trial.failure;
  const auto curve = [&](const std::string& tag, double value) {
    if (std::isfinite(value)) event.scalars.push_back({tag, static_cast<float>(value)});
  };
  curve("trial/kl_" + set_name, kl);
  curve("trial/loss_" + set_name, loss);
  curve("trial/bits_per_weight", bits);
  curve("search/tokens", static_cast<double>(search_tokens));
  if (best) {
    line["best_loss"] = best->loss;
    line["best_bytes"] = best->bytes;
    line["uniform_loss"] = best->uniform.empty() ? Json() : Json(best->uniform_loss);
    curve("best/loss", best->loss);
    if (!best->uniform.empty()) curve("best/uniform_loss", best->uniform_loss);
  }
  return event;
}

void Tracking::verdict(const Verdict& verdict) {
  const Contestant& winner = verdict.contestants[verdict.winner];
  Json line = begin_line("verdict");
  line["winner"] = winner.name;
  line["bytes"] = winner.bytes;
  line["bits_per_weight"] = winner.bits_per_weight;
  line["kl"] = number(winner.kl.mean);
  line["kl_stderr"] = number(winner.kl.stderr_of_mean);
  line["perplexity"] = number(winner.perplexity);
  line["tokens"] = verdict.spent.search_tokens;
  line["trials"] = verdict.trials;
  line["digest"] = verdict.digest;
  write({.trial = -1, .line = std::move(line), .scalars = {}});
}

framework::Json Tracking::begin_line(const std::string& event) const {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::duration<double> running = std::chrono::steady_clock::now() - started_;
  return {{"event", event}, {"time", now.count()}, {"seconds", running.count()}};
}

void Tracking::open(const std::function<std::unique_ptr<TrackingSink>()>& make) {
  try {
    sinks_.push_back(make());
  } catch (const std::exception& error) {
    warn(error);
  }
}

void Tracking::write(const TrackedEvent& event) {
  std::erase_if(sinks_, [&](const std::unique_ptr<TrackingSink>& sink) {
    try {
      sink->write(event);
      return false;
    } catch (const std::exception& error) {
      warn(error);
      return true;
    }
  });
}

void Tracking::warn(const std::exception& error) const {
  say_("warning: tracking ends, the search goes on: " + reason_of(error));
}

}  // namespace pare::search
