// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/utf8.hpp"
#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/store/digest.hpp"
#include "search/store/h5_columns.hpp"
#include "search/store/run_file.hpp"
#include "search/store/schema.hpp"
#include "search/store/worker_fields.hpp"

namespace pare::search {
namespace {

using framework::H5File;
using h5::Table;

std::vector<std::uint16_t> get_window_domains(const H5File& file, const schema::Column& column, std::size_t domains,
                                              std::int64_t windows) {
  std::vector<std::uint16_t> dealt;
  for (const std::int32_t domain : file.read<std::int32_t>(column.path)) {
    VALIDATE(domain >= 0 && std::cmp_less(domain, domains), file.path().string(), ": ", column.path,
             " is damaged: domain ", domain, " of ", domains);
    dealt.push_back(static_cast<std::uint16_t>(domain));
  }
  VALIDATE(std::ssize(dealt) == windows, file.path().string(), ": ", column.path, " is damaged: ", dealt.size(),
           " rows for ", windows, " windows");
  return dealt;
}

/// Older files have none of it: the mean of KL.
Objective get_objective(const H5File& file, const RunRecord& record) {
  Objective objective;
  const auto known = [&](const char* key, const std::vector<std::string>& names) -> std::optional<std::string> {
    if (!file.has_attribute(schema::experiment, key)) return std::nullopt;
    const std::string name = file.string_attribute(schema::experiment, key);
    VALIDATE(std::ranges::find(names, name) != names.end(), file.path().string(), ": ", key, " '",
             framework::printable(name), "' is none that this pare knows");
    return name;
  };
  if (const auto name = known(schema::metric, metric_names())) objective.metric = metric_of(*name);
  if (const auto name = known(schema::combine, combine_names())) objective.combine = combine_of(*name);
  if (!file.contains(schema::domains)) return objective;
  const Table table(file, schema::domain_name);
  const auto name = table.read<std::string>(schema::domain_name);
  const auto weight = table.read<double>(schema::domain_weight);
  for (std::size_t d = 0; d < table.rows(); ++d) objective.domains.push_back({name[d], weight[d]});
  objective.search = get_window_domains(file, schema::search_domain, table.rows(), record.search_windows);
  objective.holdout = get_window_domains(file, schema::holdout_domain, table.rows(), record.holdout_windows);
  return objective;
}

std::vector<SearchSite> get_sites(const H5File& file) {
  const Table table(file, schema::site_name);
  const auto name = table.read<std::string>(schema::site_name);
  const auto kind = table.read<std::string>(schema::site_kind);
  const auto layer = table.read<std::int32_t>(schema::site_layer);
  const auto stage = table.read<std::int32_t>(schema::site_stage);
  const auto weights = table.read<std::int64_t>(schema::site_weights);
  const auto original_bytes = table.read<std::int64_t>(schema::site_original_bytes);
  std::vector<SearchSite> sites;
  for (std::size_t s = 0; s < table.rows(); ++s)
    sites.push_back({name[s], kind[s], layer[s], stage[s], weights[s], original_bytes[s], {}});
  return sites;
}

void get_options(const H5File& file, std::vector<SearchSite>& sites) {
  const Table table(file, schema::option_site);
  const auto site = table.read<std::uint32_t>(schema::option_site);
  const auto name = table.read<std::string>(schema::option_name);
  const auto bytes = table.read<std::int64_t>(schema::option_bytes);
  const auto local_error = table.read<double>(schema::option_local_error);
  for (std::size_t o = 0; o < table.rows(); ++o) {
    VALIDATE(site[o] < sites.size(), file.path().string(), ": /options is damaged: site ", site[o], " of ",
             sites.size());
    sites[site[o]].options.push_back({name[o], bytes[o], local_error[o]});
  }
}

void get_measures(const H5File& file, SearchSpace& space) {
  const Table table(file, schema::measure_name);
  const auto name = table.read<std::string>(schema::measure_name);
  const auto unit = table.read<std::string>(schema::measure_unit);
  for (std::size_t m = 0; m < table.rows(); ++m) space.measures.push_back({name[m], unit[m]});
  const auto costs = Table(file, schema::option_site).read_rows<std::int64_t>(schema::option_costs);
  std::size_t row = 0;
  for (SearchSite& site : space.sites) {
    for (SiteOption& option : site.options) {
      VALIDATE(costs[row].size() == space.measures.size(), file.path().string(), ": ", schema::option_costs.path,
               " is damaged: ", costs[row].size(), " costs for ", space.measures.size(), " measures");
      option.costs = costs[row++];
    }
  }
}

std::vector<LeftOut> get_left_out(const H5File& file) {
  const Table table(file, schema::left_out_site);
  const auto site = table.read<std::string>(schema::left_out_site);
  const auto option = table.read<std::string>(schema::left_out_option);
  const auto reason = table.read<std::string>(schema::left_out_reason);
  std::vector<LeftOut> left_out;
  for (std::size_t i = 0; i < table.rows(); ++i) left_out.push_back({site[i], option[i], reason[i]});
  return left_out;
}

void check_recipe(const H5File& file, const char* group, const SearchSpace& space, const Recipe& recipe) {
  bool is_sound = recipe.size() == space.sites.size();
  for (std::size_t s = 0; is_sound && s < recipe.size(); ++s) is_sound = recipe[s] < space.sites[s].options.size();
  VALIDATE(is_sound, file.path().string(), ": ", group, " is damaged: a recipe does not fit /sites and /options");
}

std::vector<Trial> get_trials(const H5File& file, const RunRecord& record) {
  const Table table(file, schema::trial_id);
  const auto id = table.read<std::int64_t>(schema::trial_id);
  const auto set = table.read<std::uint8_t>(schema::trial_set);
  const auto begin = table.read<std::int64_t>(schema::trial_begin);
  const auto count = table.read<std::int64_t>(schema::trial_count);
  std::vector<std::string> failure(table.rows());
  if (file.contains(schema::trial_failure.path)) failure = table.read<std::string>(schema::trial_failure);
  std::vector<double> seconds(table.rows(), std::numeric_limits<double>::quiet_NaN());
  if (file.contains(schema::trial_seconds.path)) seconds = table.read<double>(schema::trial_seconds);
  auto recipe = table.read_rows<std::uint8_t>(schema::trial_recipe);
  auto kl = table.read_rows<double>(schema::trial_window_kl);
  auto nll = table.read_rows<double>(schema::trial_window_nll);
  std::vector<std::vector<double>> wrong;
  if (file.contains(schema::trial_window_wrong.path)) wrong = table.read_rows<double>(schema::trial_window_wrong);
  std::vector<Trial> trials;
  TrialDigest digest;
  for (std::size_t t = 0; t < table.rows(); ++t) {
    check_recipe(file, schema::trials, record.space, recipe[t]);
    const std::int64_t windows = set[t] == 0 ? record.search_windows : record.holdout_windows;
    VALIDATE(set[t] <= 1 && count[t] >= 0 && count[t] <= std::ssize(kl[t]) && count[t] <= std::ssize(nll[t]) &&
                 begin[t] >= 0 && begin[t] <= windows && count[t] <= windows - begin[t],
             file.path().string(), ": /trials is damaged in row ", t);
    kl[t].resize(static_cast<std::size_t>(count[t]));
    nll[t].resize(static_cast<std::size_t>(count[t]));
    trials.push_back({id[t],
                      {std::move(recipe[t]), static_cast<WindowSet>(set[t]), begin[t], count[t]},
                      std::move(kl[t]),
                      std::move(nll[t]),
                      failure[t]});
    trials.back().seconds = seconds[t];
    if (!wrong.empty() && !trials.back().failed()) {
      VALIDATE(count[t] <= std::ssize(wrong[t]), file.path().string(), ": /trials is damaged in row ", t);
      wrong[t].resize(static_cast<std::size_t>(count[t]));
      trials.back().wrong = std::move(wrong[t]);
    }
    digest.add(trials.back());
  }
  VALIDATE(digest.hex() == file.string_attribute(schema::trials, schema::digest), file.path().string(),
           ": /trials is damaged: its values do not match its digest");
  return trials;
}

std::vector<Contestant> get_contestants(const H5File& file, const SearchSpace& space) {
  const Table table(file, schema::contestant_name);
  const auto name = table.read<std::string>(schema::contestant_name);
  const auto bytes = table.read<std::int64_t>(schema::contestant_bytes);
  const auto bits = table.read<double>(schema::contestant_bits);
  const auto fits = table.read<std::uint8_t>(schema::contestant_fits);
  const auto kl_mean = table.read<double>(schema::contestant_kl_mean);
  const auto kl_stderr = table.read<double>(schema::contestant_kl_stderr);
  const auto perplexity = table.read<double>(schema::contestant_perplexity);
  const auto recipe = table.read_rows<std::uint8_t>(schema::contestant_recipe);
  const auto window_kl = table.read_rows<double>(schema::contestant_window_kl);
  const auto window_nll = table.read_rows<double>(schema::contestant_window_nll);
  std::vector<std::vector<double>> wrong;
  if (file.contains(schema::contestant_window_wrong.path))
    wrong = table.read_rows<double>(schema::contestant_window_wrong);
  std::vector<Contestant> contestants;
  for (std::size_t c = 0; c < table.rows(); ++c) {
    check_recipe(file, schema::contestants, space, recipe[c]);
    contestants.push_back({name[c],
                           recipe[c],
                           bytes[c],
                           bits[c],
                           fits[c] != 0,
                           window_kl[c],
                           window_nll[c],
                           {kl_mean[c], kl_stderr[c]},
                           perplexity[c]});
    if (!wrong.empty()) contestants.back().window_wrong = wrong[c];
  }
  return contestants;
}

std::vector<FrontPoint> get_front(const H5File& file, const SearchSpace& space, std::size_t contestants) {
  const Table table(file, schema::front_bytes);
  const auto bytes = table.read<std::int64_t>(schema::front_bytes);
  const auto winner = table.read<std::int64_t>(schema::front_winner);
  const auto uniform = table.read<std::int64_t>(schema::front_uniform);
  std::vector<std::vector<std::int64_t>> limits(table.rows());
  if (!space.measures.empty()) limits = table.read_rows<std::int64_t>(schema::front_limits);
  std::vector<FrontPoint> points;
  const auto count = static_cast<std::int64_t>(contestants);
  for (std::size_t p = 0; p < table.rows(); ++p) {
    VALIDATE(winner[p] >= 0 && winner[p] < count && uniform[p] >= -1 && uniform[p] < count &&
                 limits[p].size() == space.measures.size(),
             file.path().string(), ": ", schema::front, " is damaged in row ", p);
    points.push_back({bytes[p], limits[p], static_cast<std::size_t>(winner[p]), std::nullopt});
    if (uniform[p] >= 0) points.back().uniform = static_cast<std::size_t>(uniform[p]);
  }
  return points;
}

CrewFacts get_crew(const H5File& file) {
  CrewFacts crew;
  crew.seconds = file.double_attribute(schema::workers, schema::workers_seconds);
  crew.retries = file.int_attribute(schema::workers, schema::retries);
  crew.lost_leases = file.int_attribute(schema::workers, schema::lost_leases);
  crew.late_leases = file.int_attribute(schema::workers, schema::late_leases);
  const Table table(file, schema::worker_name);
  crew.workers.resize(table.rows());
  const auto column = [&]<class T>(const schema::Column& where, T WorkerFacts::*what) {
    const auto values = table.read<T>(where);
    for (std::size_t w = 0; w < crew.workers.size(); ++w) crew.workers[w].*what = values[w];
  };
  for_each_worker_field(column);
  return crew;
}

std::vector<Prediction> get_predictions(const H5File& file) {
  const Table table(file, schema::prediction_predicted);
  const auto predicted = table.read<double>(schema::prediction_predicted);
  const auto measured = table.read<double>(schema::prediction_measured);
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < table.rows(); ++i) predictions.push_back({predicted[i], measured[i]});
  return predictions;
}

std::vector<StageTime> get_stages(const H5File& file) {
  const Table table(file, schema::stage_name);
  const auto name = table.read<std::string>(schema::stage_name);
  const auto seconds = table.read<double>(schema::stage_seconds);
  std::vector<StageTime> stages;
  for (std::size_t i = 0; i < table.rows(); ++i) stages.push_back({name[i], seconds[i]});
  return stages;
}

SearchFigures get_figures(const H5File& file) {
  const auto integer = [&file](const char* key) { return file.int_attribute(schema::verdict, key); };
  SearchFigures figures;
  figures.races.races = integer(schema::races);
  figures.races.entrants = integer(schema::race_entrants);
  figures.races.eliminated = integer(schema::race_eliminated);
  figures.races.cut = integer(schema::race_cut);
  figures.races.windows_saved = integer(schema::race_windows_saved);
  figures.surrogate_correlation = file.double_attribute(schema::verdict, schema::surrogate_correlation);
  figures.surrogate_trials = integer(schema::surrogate_trials);
  if (file.contains(schema::predictions)) figures.predictions = get_predictions(file);
  if (!file.contains(schema::rungs)) return figures;
  const Table rows(file, schema::rung_windows);
  const auto windows = rows.read<std::int64_t>(schema::rung_windows);
  const auto spent = rows.read<std::int64_t>(schema::rung_spent);
  for (std::size_t i = 0; i < windows.size(); ++i) figures.races.rungs.push_back({windows[i], spent[i]});
  return figures;
}

Verdict get_verdict(const H5File& file, const SearchSpace& space) {
  const auto integer = [&file](const char* key) { return file.int_attribute(schema::verdict, key); };
  const auto real = [&file](const char* key) { return file.double_attribute(schema::verdict, key); };
  Verdict verdict;
  verdict.contestants = get_contestants(file, space);
  const std::int64_t winner = integer(schema::winner);
  VALIDATE(winner >= 0 && winner < std::ssize(verdict.contestants), file.path().string(),
           ": /verdict is damaged: the winner is contestant ", winner, " of ", verdict.contestants.size());
  verdict.winner = static_cast<std::size_t>(winner);
  verdict.budget_bytes = integer(schema::budget_bytes);
  if (!space.measures.empty()) verdict.limits = file.read<std::int64_t>(schema::verdict_limits.path);
  VALIDATE(verdict.limits.size() == space.measures.size(), file.path().string(), ": ", schema::verdict_limits.path,
           " is damaged: ", verdict.limits.size(), " limits for ", space.measures.size(), " measures");
  if (file.contains(schema::front)) verdict.front = get_front(file, space, verdict.contestants.size());
  verdict.reference_bytes = integer(schema::reference_bytes);
  verdict.reference_perplexity = real(schema::reference_perplexity);
  if (file.contains(schema::reference_window_nll.path))
    verdict.reference_window_nll = file.read<double>(schema::reference_window_nll.path);
  if (file.contains(schema::reference_window_wrong.path))
    verdict.reference_window_wrong = file.read<double>(schema::reference_window_wrong.path);
  verdict.spent.tokens = integer(schema::spent_tokens);
  verdict.spent.search_tokens = integer(schema::spent_search_tokens);
  if (file.has_attribute(schema::verdict, schema::spent_reused_tokens))
    verdict.spent.reused_tokens = integer(schema::spent_reused_tokens);
  verdict.spent.evaluations = integer(schema::spent_evaluations);
  verdict.spent.seconds = real(schema::spent_seconds);
  verdict.spent.stage_runs = integer(schema::stage_runs);
  verdict.spent.stage_runs_saved = integer(schema::stage_runs_saved);
  if (file.contains(schema::stages)) verdict.spent.stages = get_stages(file);
  verdict.trials = integer(schema::trial_count_attribute);
  verdict.digest = file.string_attribute(schema::verdict, schema::digest);
  if (file.has_attribute(schema::verdict, schema::ended_by))
    verdict.ended_by = file.string_attribute(schema::verdict, schema::ended_by);
  if (file.has_attribute(schema::verdict, schema::races)) verdict.figures = get_figures(file);
  return verdict;
}

/// What is counted by window has one value a held-out window.
void check_windows(const H5File& file, const RunRecord& record) {
  const auto check = [&](const std::vector<double>& values, const char* column, bool may_be_absent) {
    VALIDATE(std::cmp_equal(values.size(), record.holdout_windows) || (may_be_absent && values.empty()),
             file.path().string(), ": ", column, " is damaged: ", values.size(), " values for ", record.holdout_windows,
             " windows");
  };
  for (const Contestant& each : record.verdict->contestants) {
    check(each.window_kl, schema::contestant_window_kl.path, false);
    check(each.window_nll, schema::contestant_window_nll.path, false);
    check(each.window_wrong, schema::contestant_window_wrong.path, true);
  }
  check(record.verdict->reference_window_nll, schema::reference_window_nll.path, true);
  check(record.verdict->reference_window_wrong, schema::reference_window_wrong.path, true);
}

}  // namespace

RunRecord read_run_file(const std::filesystem::path& path) {
  const H5File file = H5File::open(path);
  h5::check_format(file, schema::format, schema::version, "run file");
  RunRecord record;
  if (file.has_attribute("/", schema::journal_sequence))
    record.journal_sequence = static_cast<std::uint64_t>(file.int_attribute("/", schema::journal_sequence));
  record.yaml = file.string_attribute(schema::experiment, schema::yaml);
  record.algorithm = file.string_attribute(schema::experiment, schema::algorithm);
  record.seed = static_cast<std::uint64_t>(file.int_attribute(schema::experiment, schema::seed));
  record.window_length = file.int_attribute(schema::experiment, schema::window_length);
  record.search_windows = file.int_attribute(schema::experiment, schema::search_windows);
  record.holdout_windows = file.int_attribute(schema::experiment, schema::holdout_windows);
  if (file.has_attribute(schema::experiment, schema::calibration_windows))
    record.calibration_windows = file.int_attribute(schema::experiment, schema::calibration_windows);
  constexpr std::int64_t most_windows = 1 << 24;  // far more than can be evaluated
  VALIDATE(record.search_windows > 0 && record.search_windows <= most_windows, file.path().string(),
           ": is damaged: ", record.search_windows, " search windows");
  record.objective = get_objective(file, record);
  record.provenance = h5::get_provenance(file);
  record.space.sites = get_sites(file);
  get_options(file, record.space.sites);
  if (file.contains(schema::measures)) get_measures(file, record.space);
  if (file.contains(schema::left_out)) record.space.left_out = get_left_out(file);
  record.trials = get_trials(file, record);
  if (file.contains(schema::workers)) record.crew = get_crew(file);
  if (file.contains(schema::verdict)) record.verdict = get_verdict(file, record.space);
  if (record.verdict) check_windows(file, record);
  return record;
}

}  // namespace pare::search
