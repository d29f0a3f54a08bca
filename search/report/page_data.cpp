// SPDX-License-Identifier: Apache-2.0
#include "search/report/page_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "search/report/crew_text.hpp"
#include "search/report/search_archive.hpp"
#include "search/report/search_curve.hpp"
#include "search/report/site_losses.hpp"
#include "search/report/verdict_json.hpp"

namespace pare::search {
namespace {

using framework::Json;

constexpr std::size_t most_points = 4000;  // of trials: 100 kB of the page
constexpr std::size_t curve_points = 80;

/// The options of all sites by name, numbered in the order of their first site.
std::map<std::string, std::size_t> number_options(const SearchSpace& space, Json& names) {
  std::map<std::string, std::size_t> numbers;
  for (const SearchSite& site : space.sites)
    for (const SiteOption& option : site.options)
      if (numbers.try_emplace(option.name, numbers.size()).second) names.push_back(option.name);
  return numbers;
}

Json sites_json(const SearchSpace& space) {
  Json sites = Json::array();
  for (const SearchSite& site : space.sites)
    sites.push_back(Json::array({site.name, site.kind, site.layer, site.weights, site.original_bytes}));
  return sites;
}

class Recipes {
 public:
  Recipes(const RunRecord& record, const std::map<std::string, std::size_t>& numbers)
      : record_(record), numbers_(numbers) {}

  void add(const std::string& title, const std::string& name, const Recipe& recipe, std::int64_t budget_bytes,
           const Json& kl) {
    Json options = Json::array(), bytes = Json::array(), errors = Json::array();
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      const SiteOption& option = record_.space.sites[s].options[recipe[s]];
      options.push_back(numbers_.at(option.name));
      bytes.push_back(option.bytes);
      errors.push_back(option.local_error);
    }
    const std::int64_t all = record_.space.bytes(recipe);
    json.push_back({{"title", title},
                    {"name", name},
                    {"budget_bytes", budget_bytes},
                    {"bytes", all},
                    {"bits_per_weight", record_.space.bits_per_weight(all)},
                    {"kl", kl},
                    {"options", options},
                    {"bytes_of", bytes},
                    {"errors", errors}});
  }

  Json json = Json::array();

 private:
  const RunRecord& record_;
  const std::map<std::string, std::size_t>& numbers_;
};

Json recipes_json(const RunRecord& record, const std::optional<RunOverview>& overview,
                  const std::map<std::string, std::size_t>& numbers) {
  Recipes recipes(record, numbers);
  if (record.verdict) {
    const Verdict& verdict = *record.verdict;
    const auto add = [&](const std::string& title, std::size_t index, std::int64_t budget_bytes) {
      const Contestant& winner = verdict.contestants[index];
      recipes.add(title, winner.name, winner.recipe, budget_bytes, winner.kl.mean);
    };
    for (auto point = verdict.front.rbegin(); point != verdict.front.rend(); ++point)
      add(fmt::format("{:.3f} bits", record.space.bits_per_weight(point->budget_bytes)), point->winner,
          point->budget_bytes);
    if (verdict.front.empty()) add("winner", verdict.winner, verdict.budget_bytes);
  } else if (overview && overview->best) {
    recipes.add("best so far", "best so far", overview->best->recipe, overview->progress->budget_bytes, nullptr);
  }
  return recipes.json;
}

double bits_of(const RunRecord& record, const Recipe& recipe) {
  return record.space.bits_per_weight(record.space.bytes(recipe));
}

/// Enough digits for a drawing.
double rounded(double value) {
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

Json trials_json(const RunRecord& record, const Archive& archive) {
  std::map<Recipe, std::int64_t> windows;
  for (const Trial& trial : record.trials)
    if (trial.request.set == WindowSet::search) windows[trial.request.recipe] += trial.request.count;
  Json points = Json::array();
  const std::size_t step = (archive.size() + most_points - 1) / most_points;
  for (std::size_t i = 0; i < archive.size(); i += std::max<std::size_t>(1, step)) {
    const Recipe& recipe = archive.recipe(i);
    points.push_back(Json::array({rounded(bits_of(record, recipe)), rounded(archive.mean_known(recipe).mean),
                                  std::min(windows.at(recipe), record.search_windows)}));
  }
  return {{"total", record.trials.size()},
          {"failed", std::ranges::count_if(record.trials, &Trial::failed)},
          {"recipes", archive.size()},
          {"points", points}};
}

Json uniforms_json(const RunRecord& record, const Archive& archive) {
  Json uniforms = Json::array();
  for (const std::string& option : record.space.uniform_options()) {
    const std::optional<Recipe> recipe = record.space.uniform(option);
    if (archive.known_from_start(*recipe) > 0)
      uniforms.push_back(Json::array({option, bits_of(record, *recipe), archive.mean_known(*recipe).mean}));
  }
  return uniforms;
}

std::optional<Budget> budget_of(const RunRecord& record, const std::optional<RunOverview>& overview) {
  if (record.verdict) {
    Budget budget(record.verdict->budget_bytes);
    budget.limits = record.verdict->limits;
    return budget;
  }
  if (overview && overview->progress && overview->progress->budget_bytes > 0)
    return Budget(overview->progress->budget_bytes);
  return std::nullopt;
}

Json curve_json(const RunRecord& record, const std::optional<Budget>& budget) {
  Json curve = Json::array();
  if (!budget) return curve;
  for (const CurvePoint& point : search_curve(record, *budget, curve_points))
    curve.push_back(Json::array({point.tokens, point.seconds, point.loss, point.windows, point.ratio}));
  return curve;
}

Json site_losses_json(const RunRecord& record, const std::map<std::string, std::size_t>& numbers) {
  Json losses = Json::array();
  for (const SiteLoss& each : site_losses(record)) {
    const SiteOption& option = record.space.sites[each.site].options[each.option];
    losses.push_back(Json::array({each.site, numbers.at(option.name), each.loss, each.stderr_of_mean}));
  }
  return losses;
}

Json predictions_json(const RunRecord& record) {
  Json predictions = Json::array();
  if (!record.verdict) return predictions;
  for (const Prediction& each : record.verdict->figures.predictions)
    predictions.push_back(Json::array({each.predicted, each.measured}));
  return predictions;
}

Json crew_document(const CrewFacts& crew) {
  const std::optional<double> utilization = crew.utilization();
  return {{"seconds", crew.seconds},         {"utilization", utilization ? Json(*utilization) : Json()},
          {"retries", crew.retries},         {"lost_leases", crew.lost_leases},
          {"late_leases", crew.late_leases}, {"workers", crew_json(crew)}};
}

Json status_json(const std::optional<RunOverview>& overview) {
  if (!overview) return nullptr;
  const RunProgress progress = overview->progress.value_or(RunProgress());
  Json best;
  if (overview->best) {
    best = {{"loss", overview->best->loss},
            {"windows", overview->best->windows},
            {"bytes", overview->best->bytes},
            {"uniform", overview->best->uniform},
            {"uniform_loss", overview->best->uniform_loss}};
  }
  return {{"state", overview->state},
          {"process", overview->process},
          {"error", overview->error},
          {"stage", progress.stage},
          {"tokens_done", progress.search_tokens},
          {"tokens_limit", progress.token_limit},
          {"updated", progress.time},
          {"best", best}};
}

std::string fact(const RunRecord& record, const std::string& key) {
  const auto found = std::ranges::find(record.provenance, key, &std::pair<std::string, std::string>::first);
  return found == record.provenance.end() ? "" : found->second;
}

}  // namespace

Json page_data(const RunRecord& record, const std::optional<RunOverview>& overview) {
  Json options = Json::array();
  const std::map<std::string, std::size_t> numbers = number_options(record.space, options);
  const Archive archive = search_archive(record);
  const CrewFacts& crew =
      !record.crew.workers.empty() || !overview || !overview->progress ? record.crew : overview->progress->crew;
  Json provenance = Json::array();
  for (const auto& [key, value] : record.provenance) provenance.push_back(Json::array({key, value}));
  return {{"model", fact(record, "model")},
          {"algorithm", record.algorithm},
          {"seed", record.seed},
          {"window_length", record.window_length},
          {"search_windows", record.search_windows},
          {"holdout_windows", record.holdout_windows},
          {"calibration_windows", record.calibration_windows},
          {"weights", record.space.weights()},
          {"original_bytes", record.space.original_bytes()},
          {"objective",
           {{"name", loss_name(record.objective)},
            {"metric", to_text(record.objective.metric)},
            {"combine", to_text(record.objective.combine)}}},
          {"status", status_json(overview)},
          {"verdict", record.verdict ? verdict_document(record) : Json()},
          {"options", options},
          {"sites", sites_json(record.space)},
          {"recipes", recipes_json(record, overview, numbers)},
          {"trials", trials_json(record, archive)},
          {"uniforms", uniforms_json(record, archive)},
          {"curve", curve_json(record, budget_of(record, overview))},
          {"site_losses", site_losses_json(record, numbers)},
          {"predictions", predictions_json(record)},
          {"crew", crew_document(crew)},
          {"yaml", record.yaml},
          {"provenance", provenance}};
}

}  // namespace pare::search
