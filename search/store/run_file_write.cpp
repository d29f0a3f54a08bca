// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/objective/statistics.hpp"
#include "search/store/digest.hpp"
#include "search/store/h5_columns.hpp"
#include "search/store/run_file.hpp"
#include "search/store/schema.hpp"
#include "search/store/worker_fields.hpp"

namespace pare::search {
namespace {

using framework::H5File;
using h5::collect;
using h5::put;
using h5::put_rows;
using h5::put_text;

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

void put_experiment(H5File& file, const RunRecord& record) {
  file.create_group(schema::experiment);
  put_text(file, schema::experiment, schema::yaml, record.yaml);
  put_text(file, schema::experiment, schema::algorithm, record.algorithm);
  file.set_attribute(schema::experiment, schema::seed, static_cast<std::int64_t>(record.seed));
  file.set_attribute(schema::experiment, schema::window_length, record.window_length);
  file.set_attribute(schema::experiment, schema::search_windows, record.search_windows);
  file.set_attribute(schema::experiment, schema::holdout_windows, record.holdout_windows);
  file.set_attribute(schema::experiment, schema::calibration_windows, record.calibration_windows);
  put_text(file, schema::experiment, schema::metric, to_text(record.objective.metric));
  put_text(file, schema::experiment, schema::combine, to_text(record.objective.combine));
}

void put_domains(H5File& file, const Objective& objective) {
  file.create_group(schema::domains);
  put(file, schema::domain_name, collect(objective.domains, [](const Domain& domain) { return domain.name; }));
  put(file, schema::domain_weight, collect(objective.domains, [](const Domain& domain) { return domain.weight; }));
  file.create_group(schema::windows);
  const auto index = [](std::uint16_t domain) { return std::int32_t{domain}; };
  put(file, schema::search_domain, collect(objective.search, index));
  put(file, schema::holdout_domain, collect(objective.holdout, index));
}

void put_space(H5File& file, const SearchSpace& space) {
  const auto& sites = space.sites;
  file.create_group(schema::sites);
  put(file, schema::site_name, collect(sites, [](const SearchSite& site) { return site.name; }));
  put(file, schema::site_kind, collect(sites, [](const SearchSite& site) { return site.kind; }));
  put(file, schema::site_layer, collect(sites, [](const SearchSite& site) { return std::int32_t{site.layer}; }));
  put(file, schema::site_stage, collect(sites, [](const SearchSite& site) { return std::int32_t{site.stage}; }));
  put(file, schema::site_weights, collect(sites, [](const SearchSite& site) { return site.weights; }));
  put(file, schema::site_original_bytes, collect(sites, [](const SearchSite& site) { return site.original_bytes; }));

  std::vector<std::uint32_t> owners;
  std::vector<SiteOption> options;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    owners.insert(owners.end(), sites[s].options.size(), static_cast<std::uint32_t>(s));
    options.insert(options.end(), sites[s].options.begin(), sites[s].options.end());
  }
  file.create_group(schema::options);
  put(file, schema::option_site, owners);
  put(file, schema::option_name, collect(options, [](const SiteOption& option) { return option.name; }));
  put(file, schema::option_bytes, collect(options, [](const SiteOption& option) { return option.bytes; }));
  put(file, schema::option_local_error, collect(options, [](const SiteOption& option) { return option.local_error; }));

  if (!space.measures.empty()) {
    file.create_group(schema::measures);
    put(file, schema::measure_name, collect(space.measures, [](const Measure& measure) { return measure.name; }));
    put(file, schema::measure_unit, collect(space.measures, [](const Measure& measure) { return measure.unit; }));
    const auto costs = [](const SiteOption& option) -> const std::vector<std::int64_t>& { return option.costs; };
    put_rows(file, schema::option_costs, options, costs, space.measures.size(), std::int64_t{0});
  }
  if (space.left_out.empty()) return;
  file.create_group(schema::left_out);
  put(file, schema::left_out_site, collect(space.left_out, [](const LeftOut& each) { return each.site; }));
  put(file, schema::left_out_option, collect(space.left_out, [](const LeftOut& each) { return each.option; }));
  put(file, schema::left_out_reason, collect(space.left_out, [](const LeftOut& each) { return each.reason; }));
}

void put_trials(H5File& file, const RunRecord& record) {
  const auto& trials = record.trials;
  TrialDigest digest;
  std::size_t windows = 0;
  for (const Trial& trial : trials) {
    EXPECT(std::ssize(trial.kl) == trial.request.count && trial.kl.size() == trial.nll.size(), "trial ", trial.id);
    digest.add(trial);
    windows = std::max(windows, trial.kl.size());
  }
  file.create_group(schema::trials);
  file.set_attribute(schema::trials, schema::digest, digest.hex());
  put(file, schema::trial_id, collect(trials, [](const Trial& trial) { return trial.id; }));
  put(file, schema::trial_set,
      collect(trials, [](const Trial& trial) { return static_cast<std::uint8_t>(trial.request.set); }));
  put(file, schema::trial_begin, collect(trials, [](const Trial& trial) { return trial.request.begin; }));
  put(file, schema::trial_count, collect(trials, [](const Trial& trial) { return trial.request.count; }));
  put(file, schema::trial_kl_mean, collect(trials, [](const Trial& trial) { return estimate(trial.kl).mean; }));
  put(file, schema::trial_nll_mean, collect(trials, [](const Trial& trial) { return estimate(trial.nll).mean; }));
  if (std::ranges::any_of(trials, [](const Trial& trial) { return !std::isnan(trial.seconds); }))
    put(file, schema::trial_seconds, collect(trials, [](const Trial& trial) { return trial.seconds; }));
  if (std::any_of(trials.begin(), trials.end(), [](const Trial& trial) { return trial.failed(); }))
    put(file, schema::trial_failure, collect(trials, [](const Trial& trial) { return trial.failure; }));
  const auto recipe = [](const Trial& trial) -> const Recipe& { return trial.request.recipe; };
  const auto kl = [](const Trial& trial) -> const std::vector<double>& { return trial.kl; };
  const auto nll = [](const Trial& trial) -> const std::vector<double>& { return trial.nll; };
  put_rows(file, schema::trial_recipe, trials, recipe, record.space.sites.size(), std::uint8_t{0});
  put_rows(file, schema::trial_window_kl, trials, kl, windows, no_value);
  put_rows(file, schema::trial_window_nll, trials, nll, windows, no_value);
  const auto wrong = [](const Trial& trial) -> const std::vector<double>& { return trial.wrong; };
  if (std::ranges::any_of(trials, [&](const Trial& trial) { return !wrong(trial).empty(); }))
    put_rows(file, schema::trial_window_wrong, trials, wrong, windows, no_value);
}

void put_crew(H5File& file, const CrewFacts& crew) {
  file.create_group(schema::workers);
  file.set_attribute(schema::workers, schema::workers_seconds, crew.seconds);
  file.set_attribute(schema::workers, schema::retries, crew.retries);
  file.set_attribute(schema::workers, schema::lost_leases, crew.lost_leases);
  file.set_attribute(schema::workers, schema::late_leases, crew.late_leases);
  const auto column = [&](const schema::Column& where, auto WorkerFacts::*what) {
    put(file, where, collect(crew.workers, [what](const WorkerFacts& worker) { return worker.*what; }));
  };
  for_each_worker_field(column);
}

void put_contestants(H5File& file, const RunRecord& record) {
  const auto& rows = record.verdict->contestants;
  file.create_group(schema::contestants);
  put(file, schema::contestant_name, collect(rows, [](const Contestant& row) { return row.name; }));
  put(file, schema::contestant_bytes, collect(rows, [](const Contestant& row) { return row.bytes; }));
  put(file, schema::contestant_bits, collect(rows, [](const Contestant& row) { return row.bits_per_weight; }));
  put(file, schema::contestant_fits, collect(rows, [](const Contestant& row) { return std::uint8_t{row.fits}; }));
  put(file, schema::contestant_kl_mean, collect(rows, [](const Contestant& row) { return row.kl.mean; }));
  put(file, schema::contestant_kl_stderr, collect(rows, [](const Contestant& row) { return row.kl.stderr_of_mean; }));
  put(file, schema::contestant_perplexity, collect(rows, [](const Contestant& row) { return row.perplexity; }));
  const auto recipe = [](const Contestant& row) -> const Recipe& { return row.recipe; };
  const auto kl = [](const Contestant& row) -> const std::vector<double>& { return row.window_kl; };
  const auto nll = [](const Contestant& row) -> const std::vector<double>& { return row.window_nll; };
  const std::size_t windows = rows.empty() ? 0 : rows.front().window_kl.size();
  const bool saw_the_same = std::all_of(rows.begin(), rows.end(), [windows](const Contestant& row) {
    return row.window_kl.size() == windows && row.window_nll.size() == windows;
  });
  VALIDATE(saw_the_same, file.path().string(), ": the contestants were measured on different numbers of windows");
  put_rows(file, schema::contestant_recipe, rows, recipe, record.space.sites.size(), std::uint8_t{0});
  put_rows(file, schema::contestant_window_kl, rows, kl, windows, no_value);
  put_rows(file, schema::contestant_window_nll, rows, nll, windows, no_value);
  const auto wrong = [](const Contestant& row) -> const std::vector<double>& { return row.window_wrong; };
  if (std::ranges::any_of(rows, [&](const Contestant& row) { return !wrong(row).empty(); }))
    put_rows(file, schema::contestant_window_wrong, rows, wrong, windows, no_value);
}

void put_front(H5File& file, const RunRecord& record) {
  const std::vector<FrontPoint>& points = record.verdict->front;
  file.create_group(schema::front);
  put(file, schema::front_bytes, collect(points, [](const FrontPoint& point) { return point.budget_bytes; }));
  put(file, schema::front_winner,
      collect(points, [](const FrontPoint& point) { return static_cast<std::int64_t>(point.winner); }));
  put(file, schema::front_uniform, collect(points, [](const FrontPoint& point) {
        return point.uniform ? static_cast<std::int64_t>(*point.uniform) : std::int64_t{-1};
      }));
  const auto limits = [](const FrontPoint& point) -> const std::vector<std::int64_t>& { return point.limits; };
  if (!record.space.measures.empty())
    put_rows(file, schema::front_limits, points, limits, record.space.measures.size(), std::int64_t{0});
}

void put_figures(H5File& file, const SearchFigures& figures) {
  const RaceCounts& races = figures.races;
  const auto number = [&file](const char* key, auto value) { file.set_attribute(schema::verdict, key, value); };
  number(schema::races, races.races);
  number(schema::race_entrants, races.entrants);
  number(schema::race_eliminated, races.eliminated);
  number(schema::race_cut, races.cut);
  number(schema::race_windows_saved, races.windows_saved);
  number(schema::surrogate_correlation, figures.surrogate_correlation);
  number(schema::surrogate_trials, figures.surrogate_trials);
  if (const auto& rows = figures.predictions; !rows.empty()) {
    file.create_group(schema::predictions);
    put(file, schema::prediction_predicted, collect(rows, [](const Prediction& row) { return row.predicted; }));
    put(file, schema::prediction_measured, collect(rows, [](const Prediction& row) { return row.measured; }));
  }
  if (races.rungs.empty()) return;
  file.create_group(schema::rungs);
  put(file, schema::rung_windows, collect(races.rungs, [](const RaceCounts::Rung& rung) { return rung.windows; }));
  put(file, schema::rung_spent, collect(races.rungs, [](const RaceCounts::Rung& rung) { return rung.spent; }));
}

void put_stages(H5File& file, const std::vector<StageTime>& stages) {
  file.create_group(schema::stages);
  put(file, schema::stage_name, collect(stages, [](const StageTime& stage) { return stage.name; }));
  put(file, schema::stage_seconds, collect(stages, [](const StageTime& stage) { return stage.seconds; }));
}

void put_verdict(H5File& file, const RunRecord& record) {
  const Verdict& verdict = *record.verdict;
  file.create_group(schema::verdict);
  const auto number = [&file](const char* key, auto value) { file.set_attribute(schema::verdict, key, value); };
  number(schema::winner, static_cast<std::int64_t>(verdict.winner));
  number(schema::budget_bytes, verdict.budget_bytes);
  number(schema::reference_bytes, verdict.reference_bytes);
  number(schema::reference_perplexity, verdict.reference_perplexity);
  number(schema::spent_tokens, verdict.spent.tokens);
  number(schema::spent_search_tokens, verdict.spent.search_tokens);
  number(schema::spent_reused_tokens, verdict.spent.reused_tokens);
  number(schema::spent_evaluations, verdict.spent.evaluations);
  number(schema::spent_seconds, verdict.spent.seconds);
  number(schema::stage_runs, verdict.spent.stage_runs);
  number(schema::stage_runs_saved, verdict.spent.stage_runs_saved);
  number(schema::trial_count_attribute, verdict.trials);
  put_text(file, schema::verdict, schema::digest, verdict.digest);
  if (!verdict.ended_by.empty()) put_text(file, schema::verdict, schema::ended_by, verdict.ended_by);
  put_figures(file, verdict.figures);
  if (!verdict.spent.stages.empty()) put_stages(file, verdict.spent.stages);
  if (!verdict.reference_window_nll.empty()) put(file, schema::reference_window_nll, verdict.reference_window_nll);
  if (!verdict.reference_window_wrong.empty())
    put(file, schema::reference_window_wrong, verdict.reference_window_wrong);
  put_contestants(file, record);
  if (!record.space.measures.empty()) put(file, schema::verdict_limits, verdict.limits);
  if (!verdict.front.empty()) put_front(file, record);
}

}  // namespace

void write_run_file(const std::filesystem::path& path, const RunRecord& record) {
  H5File file = H5File::create(path);
  file.set_attribute("/", "format", std::string(schema::format));
  file.set_attribute("/", "version", schema::version);
  file.set_attribute("/", schema::journal_sequence, static_cast<std::int64_t>(record.journal_sequence));
  put_experiment(file, record);
  if (!record.objective.domains.empty()) put_domains(file, record.objective);
  h5::put_provenance(file, record.provenance);
  put_space(file, record.space);
  put_trials(file, record);
  if (!record.crew.workers.empty()) put_crew(file, record.crew);
  if (record.verdict) put_verdict(file, record);
  file.commit();
}

}  // namespace pare::search
