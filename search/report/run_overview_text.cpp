// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "framework/io/json.hpp"
#include "search/report/crew_text.hpp"
#include "search/report/number_text.hpp"
#include "search/report/run_overview.hpp"

namespace pare::search {
namespace {

using framework::Json;

/// Units a second of the stage under way, 0 when that cannot be told.
double rate_of(const RunProgress& progress) {
  return progress.stage_seconds > 0 ? progress.done / progress.stage_seconds : 0;
}

/// Of the search, should it use up its tokens at the speed of the stage under way.
std::optional<double> seconds_left(const RunOverview& overview) {
  if (!overview.progress || overview.verdict || overview.progress->unit != "tokens") return std::nullopt;
  const RunProgress& progress = *overview.progress;
  const double rate = rate_of(progress);
  if (rate <= 0 || progress.token_limit <= progress.search_tokens) return std::nullopt;
  return static_cast<double>(progress.token_limit - progress.search_tokens) / rate;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

std::string line(const char* name, const std::string& text) {
  return text.empty() ? text : fmt::format("{:<10} {}\n", name, text);
}

std::string stage_text(const RunOverview& overview) {
  if (!overview.progress) return {};
  const RunProgress& progress = *overview.progress;
  std::string text = fmt::format("{}, {} of {} {}", progress.stage, grouped(static_cast<std::int64_t>(progress.done)),
                                 grouped(static_cast<std::int64_t>(progress.total)), progress.unit);
  if (!progress.note.empty()) text += "; " + progress.note;
  return text + fmt::format(" (at {})", progress.time);
}

std::string tokens_text(const RunOverview& overview) {
  if (!overview.progress || overview.progress->token_limit == 0) return {};
  const RunProgress& progress = *overview.progress;
  std::string text =
      fmt::format("{} of at most {} in the search", grouped(progress.search_tokens), grouped(progress.token_limit));
  const double rate = rate_of(progress);
  if (rate > 0 && progress.unit == "tokens") text += fmt::format(", {:.0f} a second", rate);
  if (const auto left = seconds_left(overview)) text += fmt::format(", at most about {} left", duration_text(*left));
  return text;
}

std::string best_text(const RunOverview& overview) {
  if (overview.verdict) {
    const Contestant& winner = overview.verdict->contestants[overview.verdict->winner];
    return fmt::format("{}, KL {:.5f} on {} held-out windows, {:.3f} bits a weight (pare report)", winner.name,
                       winner.kl.mean, winner.window_kl.size(), winner.bits_per_weight);
  }
  if (!overview.best) return {};
  const BestSoFar& best = *overview.best;
  std::string text = fmt::format("{} {:.5f} on {} search windows, {} bytes", loss_name(overview.objective), best.loss,
                                 best.windows, grouped(best.bytes));
  if (best.uniform.empty()) return text;
  return text + fmt::format("; {:.3f} times that of {} ({:.5f})", best.loss / best.uniform_loss, best.uniform,
                            best.uniform_loss);
}

std::string workers_text(const RunOverview& overview) {
  return overview.progress ? crew_text(overview.progress->crew) : "";
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string overview_text(const RunOverview& overview) {
  std::string state = overview.state;
  if (overview.state == "KILLED") state += ", the same command continues it; it was";
  if (!overview.process.empty()) state += (overview.state == "KILLED" ? " " : ", ") + overview.process;
  const std::string failed = overview.failed_trials > 0 ? fmt::format(", {} failed", overview.failed_trials) : "";
  return line("State", state) + line("Error", overview.error) + line("Warning", overview.warning) +
         line("Stage", overview.verdict ? "" : stage_text(overview)) + line("Tokens", tokens_text(overview)) +
         line(overview.verdict ? "Winner" : "Best", best_text(overview)) +
         line("Trials", grouped(overview.trials) + failed +
                            (overview.algorithm.empty() ? "" : " of '" + overview.algorithm + "'")) +
         line("Workers", workers_text(overview)) + line("Device", overview.progress ? overview.progress->device : "") +
         line("Snapshot", overview.snapshot_trials < 0
                              ? std::string("none yet, everything is in the journal")
                              : fmt::format("run.h5, {} trials", grouped(overview.snapshot_trials))) +
         line("Logs", (overview.directory / "logs").string());
}

std::string overview_json(const RunOverview& overview) {
  const RunProgress progress = overview.progress.value_or(RunProgress());
  Json best(nullptr), winner(nullptr);
  if (overview.best) {
    best = {{"loss", overview.best->loss},
            {"windows", overview.best->windows},
            {"bytes", overview.best->bytes},
            {"uniform", overview.best->uniform},
            {"uniform_loss", overview.best->uniform_loss}};
  }
  if (overview.verdict) winner = overview.verdict->contestants[overview.verdict->winner].name;
  const Json json = {
      {"state", overview.state},
      {"process", overview.process},
      {"error", overview.error},
      {"warning", overview.warning},
      {"objective", {{"metric", to_text(overview.objective.metric)}, {"combine", to_text(overview.objective.combine)}}},
      {"algorithm", overview.algorithm},
      {"stage", progress.stage},
      {"note", progress.note},
      {"tokens",
       {{"done", progress.search_tokens},
        {"limit", progress.token_limit},
        {"rate", rate_of(progress)},
        {"seconds_left", or_null(seconds_left(overview))}}},
      {"best", best},
      {"winner", winner},
      {"trials", overview.trials},
      {"failed_trials", overview.failed_trials},
      {"device", progress.device},
      {"workers", crew_json(progress.crew)},
      {"utilization", or_null(progress.crew.utilization())},
      {"snapshot_trials", overview.snapshot_trials < 0 ? Json(nullptr) : Json(overview.snapshot_trials)},
      {"updated", overview.progress ? Json(progress.time) : Json(nullptr)},
      {"logs", (overview.directory / "logs").string()}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pare::search
