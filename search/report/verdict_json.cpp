// SPDX-License-Identifier: Apache-2.0
#include "search/report/verdict_json.hpp"

#include <limits>

#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"
#include "search/report/comparison.hpp"
#include "search/report/crew_text.hpp"
#include "search/report/domain_table.hpp"

namespace pare::search {
namespace {

using framework::Json;

Json contestant_json(const Contestant& contestant) {
  return {{"name", contestant.name},
          {"bytes", contestant.bytes},
          {"bits_per_weight", contestant.bits_per_weight},
          {"kl", {{"mean", contestant.kl.mean}, {"stderr", contestant.kl.stderr_of_mean}}},
          {"perplexity", contestant.perplexity}};
}

Json recipe_json(const SearchSpace& space, const Recipe& recipe) {
  Json json = Json::object();
  for (std::size_t s = 0; s < space.sites.size(); ++s)
    json[space.sites[s].name] = space.sites[s].options[recipe[s]].name;
  return json;
}

Json interval_json(double mean, double half_width) {
  return {{"mean", mean}, {"low", mean - half_width}, {"high", mean + half_width}};
}

Json objective_json(const Objective& objective) {
  return {{"metric", to_text(objective.metric)}, {"combine", to_text(objective.combine)}};
}

Json comparison_json(const RunRecord& record, const std::optional<OverBaseline>& comparison) {
  if (!comparison) return nullptr;
  return {{"name", record.verdict->contestants[comparison->baseline].name},
          {"kl_ratio", comparison->kl_ratio},
          {"kl_difference", interval_json(comparison->kl_difference, comparison->kl_half_width)},
          {"loss_difference", interval_json(comparison->difference, comparison->half_width)}};
}

Json left_out_json(const SearchSpace& space) {
  Json json = Json::array();
  for (const LeftOut& each : space.left_out)
    json.push_back({{"site", each.site}, {"option", each.option}, {"reason", each.reason}});
  return json;
}

Json failed_json(const std::vector<Trial>& trials) {
  Json json = Json::array();
  for (const Trial& trial : trials)
    if (trial.failed()) json.push_back({{"trial", trial.id}, {"reason", trial.failure}});
  return json;
}

Json limits_json(const SearchSpace& space, const std::vector<std::int64_t>& limits) {
  Json json = Json::object();
  for (std::size_t m = 0; m < limits.size(); ++m) {
    if (limits[m] == std::numeric_limits<std::int64_t>::max()) continue;
    if (space.measures[m].unit == "ps") {
      json[space.measures[m].name] = static_cast<double>(limits[m]) * 1e-12;
    } else {
      json[space.measures[m].name] = limits[m];
    }
  }
  return json;
}

/// One entry a budget, ascending.
Json front_json(const RunRecord& record) {
  const Verdict& verdict = *record.verdict;
  Json json = Json::array();
  for (const FrontPoint& point : verdict.front) {
    Json winner = contestant_json(verdict.contestants[point.winner]);
    winner["recipe"] = recipe_json(record.space, verdict.contestants[point.winner].recipe);
    Json uniform = nullptr;
    if (point.uniform) uniform = contestant_json(verdict.contestants[*point.uniform]);
    json.push_back({{"budget_bytes", point.budget_bytes},
                    {"limits", limits_json(record.space, point.limits)},
                    {"winner", winner},
                    {"uniform", uniform}});
  }
  return json;
}

Json spent_json(const Spent& spent) {
  Json stages = Json::array();
  for (const StageTime& stage : spent.stages) stages.push_back({{"name", stage.name}, {"seconds", stage.seconds}});
  return {{"tokens", spent.tokens},
          {"search_tokens", spent.search_tokens},
          {"evaluations", spent.evaluations},
          {"seconds", spent.seconds},
          {"stage_runs", spent.stage_runs},
          {"stage_runs_saved", spent.stage_runs_saved},
          {"reused_tokens", spent.reused_tokens},
          {"stages", stages}};
}

Json figures_json(const SearchFigures& figures) {
  Json rungs = Json::array();
  for (const RaceCounts::Rung& rung : figures.races.rungs) {
    rungs.push_back({{"windows", rung.windows}, {"spent_windows", rung.spent}});
  }
  return {{"races", figures.races.races},
          {"entrants", figures.races.entrants},
          {"eliminated", figures.races.eliminated},
          {"cut", figures.races.cut},
          {"windows_saved", figures.races.windows_saved},
          {"rungs", rungs},
          {"surrogate_correlation", figures.surrogate_correlation},
          {"surrogate_trials", figures.surrogate_trials}};
}

}  // namespace

Json domains_json(const Objective& objective, const Contestant& contestant) {
  Json json = Json::array();
  for (const DomainScore& each : domain_scores(objective, contestant)) {
    json.push_back({{"name", each.name},
                    {"weight", each.weight},
                    {"windows", each.windows},
                    {"kl", {{"mean", each.kl.mean}, {"stderr", each.kl.stderr_of_mean}}},
                    {"perplexity", each.perplexity}});
    if (each.accuracy) json.back()["accuracy"] = *each.accuracy;
  }
  return json;
}

std::string verdict_json(const RunRecord& record) {
  return verdict_document(record).dump(2) + "\n";
}

Json verdict_document(const RunRecord& record) {
  VALIDATE(record.verdict.has_value(), "the run has no verdict yet (", record.trials.size(),
           " trials): the same command that started it continues it");
  const Verdict& verdict = *record.verdict;
  Json winner = contestant_json(verdict.contestants[verdict.winner]);
  winner["recipe"] = recipe_json(record.space, verdict.contestants[verdict.winner].recipe);
  Json contestants = Json::array();
  for (const Contestant& contestant : verdict.contestants) {
    contestants.push_back(contestant_json(contestant));
    contestants.back()["fits"] = contestant.fits;
    const Estimate loss = loss_of(record, contestant);
    const std::size_t samples = samples_of_loss(record.objective, contestant.window_kl.size());
    const LossDifference difference =
        loss_difference(record.objective, verdict.contestants[verdict.winner], contestant);
    contestants.back()["loss"] = loss.mean;
    contestants.back()["loss_half_width"] = interval_half_width(loss, samples, 0.95);
    contestants.back()["winner_difference"] = interval_json(difference.mean, difference.half_width);
    if (const auto right = accuracy(contestant.window_wrong)) contestants.back()["accuracy"] = *right;
    if (!record.objective.domains.empty()) contestants.back()["domains"] = domains_json(record.objective, contestant);
  }
  Json json = {{"budget_bytes", verdict.budget_bytes},
               {"objective", objective_json(record.objective)},
               {"winner", winner},
               {"contestants", contestants},
               {"reference", {{"bytes", verdict.reference_bytes}, {"perplexity", verdict.reference_perplexity}}},
               {"over_uniform", comparison_json(record, compare_with_uniform(record))},
               {"over_mixture", comparison_json(record, compare_with_mixture(record))},
               {"left_out", left_out_json(record.space)},
               {"failed", failed_json(record.trials)},
               {"spent", spent_json(verdict.spent)},
               {"ended_by", verdict.ended_by.empty() ? Json() : Json(verdict.ended_by)},
               {"figures", figures_json(verdict.figures)},
               {"workers", crew_json(record.crew)},
               {"trials", verdict.trials},
               {"digest", verdict.digest}};
  if (!verdict.limits.empty()) json["limits"] = limits_json(record.space, verdict.limits);
  if (!verdict.front.empty()) json["front"] = front_json(record);
  const std::vector<double> reference = domain_perplexities(record.objective, verdict.reference_window_nll);
  if (const auto right = accuracy(verdict.reference_window_wrong)) json["reference"]["accuracy"] = *right;
  if (!reference.empty()) json["reference"]["domain_perplexities"] = reference;
  return json;
}

}  // namespace pare::search
