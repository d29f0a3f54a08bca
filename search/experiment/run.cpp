// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "framework/comm/exit_code.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/log/log.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/best_so_far.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/trial_runner.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/evaluation_reuse.hpp"
#include "search/experiment/judge.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/open_journal.hpp"
#include "search/experiment/rank_log.hpp"
#include "search/experiment/session.hpp"
#include "search/experiment/snapshots.hpp"
#include "search/experiment/tracking.hpp"
#include "search/experiment/under_status.hpp"
#include "search/store/progress_file.hpp"
#include "search/store/records.hpp"
#include "search/store/run_directory.hpp"
#include "search/store/run_image.hpp"
#include "search/store/run_status.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// What a run file says before there is a verdict.
RunRecord make_record(const Experiment& experiment, const Plan& plan) {
  RunRecord record;
  record.yaml = experiment.resolved_yaml;
  record.provenance = framework::collect_provenance();
  record.provenance.emplace_back("device", experiment.computes_on.name);
  record.provenance.emplace_back("model", plan.model.directory().string());
  record.provenance.emplace_back("model_hash", plan.model.hash());
  record.provenance.emplace_back("experiment_hash", experiment.identity);
  record.algorithm = experiment.algorithm;
  record.seed = experiment.seed;
  record.window_length = experiment.windows.window_tokens();
  record.search_windows = experiment.windows.windows;
  record.holdout_windows = experiment.windows.holdout;
  record.calibration_windows = plan.windows.calibration;
  record.objective = experiment.objective;
  record.space = plan.space;
  return record;
}

std::string find_fact(const RunRecord& record, const std::string& key) {
  for (const auto& [name, value] : record.provenance)
    if (name == key) return value;
  return {};
}

/// The finished run of the same experiment and model, if there is one. Another experiment in the directory is an error.
std::optional<RunRecord> finished_run(const Experiment& experiment, const Plan& plan, Progress& progress) {
  std::optional<FoundRun> found = find_run(experiment.output);
  if (!found) return std::nullopt;
  VALIDATE(find_fact(found->record, "experiment_hash") == experiment.identity, "output: ", experiment.output.string(),
           " holds a run of a different experiment, choose another directory (--output) or repeat its settings");
  VALIDATE(find_fact(found->record, "model_hash") == plan.model.hash(), "output: ", experiment.output.string(),
           " holds a run of a different model, choose another directory (--output)");
  if (!found->record.verdict) return std::nullopt;
  if (!found->warning.empty()) progress.say("warning: " + found->warning);
  publish_run_file(experiment.output, found->record);
  return std::move(found->record);
}

/// What the run files of this run say besides its trials: of its first start, so that a continued run has one plan.
RunRecord plan_record(const Experiment& experiment, const Plan& plan, Journal& journal) {
  if (const auto known = find_plan(journal.records())) return read_run_image(known->run);
  RunRecord record = make_record(experiment, plan);
  const JournalEntry entry = journal_entry(Record(PlanRecord{run_image(record)}));
  journal.append({&entry, 1});
  return record;
}

/// The rest of the provenance is of the first start; how often a job was started is known at the end.
void update_starts(RunRecord& record) {
  for (const auto& [name, value] : framework::collect_provenance()) {
    if (name != "slurm_restart_count") continue;
    for (auto& [known, old] : record.provenance)
      if (known == name) old = value;
  }
}

/// What people look at is no reason to end a run.
void keep_progress(const fs::path& file, const RunProgress& progress) {
  try {
    write_progress_file(file, progress);
  } catch (const InputError& error) {
    framework::log_line(framework::LogLevel::warning, error.what());
  }
}

/// Rank 0's search, from a journal to a verdict.
class SearchRun {
 public:
  SearchRun(const Experiment& experiment, Plan& plan, Session& session, Journal& journal, Progress& progress,
            StatusKeeper& status)
      : plan_(plan),
        session_(session),
        journal_(journal),
        progress_(progress),
        status_(status),
        store_(open_evaluation_store(experiment, plan, session, journal, progress)),
        runner_(plan.space, session.scheduler(), journal, progress, session.lease_settings(),
                experiment.windows.window_tokens(), store_ ? &*store_ : nullptr),
        record_(plan_record(experiment, plan, journal)),
        output_(experiment.output),
        snapshots_(experiment.output, [&progress](const std::string& text) { progress.say(text); }),
        holdout_windows_(experiment.windows.holdout),
        experiment_(experiment),
        best_(plan.space, experiment.objective, experiment.windows.windows),
        tracking_(experiment, journal.header().run, record_,
                  [&progress](const std::string& text) { progress.say(text); }) {
    algorithm_ = make_algorithm(experiment.algorithm, make_problem(experiment, plan));
    tokens_before_ = runner_.spent().search_tokens;
    token_limit_ = algorithm_->token_limit();
    for (std::size_t b = 1; b < plan.budgets.size(); ++b) token_limit_ += token_share(experiment, plan, b);
    progress.set_listener([this](RunProgress stage) { report_progress(std::move(stage)); });
    session.scheduler().set_on_round([this](std::size_t tasks) {
      report_status(tasks);
      leave_late_drain([this] { drain(); });
    });
  }

  RunRecord finish() {
    try {
      return reach_verdict();
    } catch (const Drained&) {
      drain();
      throw;
    }
  }

 private:
  RunRecord reach_verdict() {
    report_status(0);
    report_replay();
    progress_.begin("searching", static_cast<double>(token_limit_ - tokens_before_), "tokens",
                    60 * experiment_.minute_limit);
    std::vector<std::vector<Finalist>> finalists;
    for (std::size_t b = 0; b < plan_.budgets.size(); ++b) {
      SearchProblem problem = make_problem(experiment_, plan_, b);
      if (b > 0) problem.start = finalists.back().front().recipe;
      algorithm_ = make_algorithm(experiment_.algorithm, problem);
      session_.scheduler().attend_while([&] { algorithm_->learn(runner_.trials()); });
      tracking_.stage("searching", plan_.budgets[b].bytes);
      search(plan_.budgets[b]);
      add_figures(algorithm_->figures());
      finalists.push_back(algorithm_->finalists());
    }
    progress_.end();
    const std::vector<Finalist> field = final_field(plan_.space, plan_.budgets, finalists);
    const std::vector<Trial> trials = confirm(field);
    Verdict verdict = judge(plan_.space, plan_.budgets, experiment_.objective, field, trials);
    verdict.reference_bytes = plan_.space.original_bytes();
    verdict.reference_window_nll = session_.reference_nll();
    verdict.reference_window_wrong = session_.reference_wrong();
    verdict.reference_perplexity = std::exp(estimate(verdict.reference_window_nll).mean);
    verdict.spent = runner_.spent();
    verdict.spent.stages = progress_.times("deciding and the rest");
    verdict.figures = figures_;
    verdict.ended_by = ended_by_;
    verdict.spent.seconds = seconds_so_far();
    verdict.trials = static_cast<std::int64_t>(runner_.trials().size());
    verdict.digest = runner_.digest();
    record_.crew = crew_facts(session_.scheduler().statistics());
    record_.verdict = std::move(verdict);
    update_starts(record_);
    const JournalEntry close = journal_entry(Record(Close{runner_.digest(), run_image(record_)}));
    journal_.append({&close, 1});
    tracking_.verdict(*record_.verdict);
    snapshot();
    report_status(0);
    progress_.tell();
    return record_;
  }

  void drain() {
    try {
      snapshot();
    } catch (const InputError& error) {
      progress_.say(fmt::format("warning: {}; the journal has everything", error.what()));
    }
    report_status(0);
    status_.end(RunState::drained, framework::exit_code::drained, {});
  }

  void report_progress(RunProgress progress) {
    progress.search_tokens = runner_.spent().search_tokens;
    progress.token_limit = token_limit_;
    progress.crew = crew_facts(session_.scheduler().statistics());
    progress.budget_bytes = plan_.budgets.front().bytes;
    progress.device = experiment_.computes_on.name;
    keep_progress(progress_file(output_), progress);
  }

  void report_status(std::size_t tasks) {
    status_.record(journal_.last_sequence(), static_cast<std::int64_t>(runner_.trials().size()),
                   runner_.spent().tokens);
    status_.advance(tasks);
  }

  void report_replay() {
    if (const auto& torn = journal_.torn_tail()) {
      progress_.say(fmt::format("journal: {} bytes of an unfinished write were cut off and kept in {}", torn->bytes,
                                torn->copy.string()));
    }
    if (runner_.replayed_windows() > 0) {
      progress_.say(fmt::format("continuing: {} evaluated windows are in the journal", runner_.replayed_windows()));
    }
  }

  /// Races of all budgets together; the surrogate of the last one that has one.
  void add_figures(const SearchFigures& figures) {
    RaceCounts races = std::move(figures_.races);
    races.add(figures.races);
    if (figures.surrogate_trials > 0) figures_ = figures;
    figures_.races = std::move(races);
  }

  /// Ends the search between batches, where the algorithm has an answer. Only here does a clock decide anything.
  bool at_limit(std::size_t next) {
    const std::size_t trials = runner_.trials().size() + next;
    if (experiment_.evaluation_limit > 0 && std::cmp_greater(trials, experiment_.evaluation_limit))
      ended_by_ = "evaluations";
    if (experiment_.minute_limit > 0 && seconds_so_far() >= 60 * experiment_.minute_limit) ended_by_ = "minutes";
    if (ended_by_.empty()) return false;
    progress_.say(fmt::format("search.limits.{}: the search ends with the best recipe so far", ended_by_));
    return true;
  }

  double seconds_so_far() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

  void search(const Budget& budget) {
    Scheduler& scheduler = session_.scheduler();
    while (true) {
      std::vector<EvaluationRequest> requests;
      progress_.outside([&] { scheduler.attend_while([&] { requests = algorithm_->ask(); }); });
      if (requests.empty() || at_limit(requests.size())) return;
      progress_.note(note(budget));
      const std::vector<Trial> trials = runner_.run(requests);
      progress_.outside([&] { scheduler.attend_while([&] { algorithm_->tell(trials); }); });
      for (const Trial& trial : trials) best_.add(trial);
      tracking_.trials(trials, runner_.spent().search_tokens, best_.best(budget));
      progress_.note(note(budget));
      if (progress_.is_verbose()) report_batch(trials);
      snapshots_.take_if_due(journal_.last_sequence());
    }
  }

  std::string note(const Budget& budget) const {
    const std::optional<BestSoFar> best = best_.best(budget);
    return algorithm_->status() + (best ? against_uniform(*best) : "");
  }

  void report_batch(const std::vector<Trial>& trials) const {
    const WindowLoss loss(experiment_.objective, WindowSet::search);
    for (const Trial& trial : trials) {
      progress_.detail(fmt::format(
          "trial {}: {} bytes, {} windows, {} {:.5f}{}", trial.id, plan_.space.bytes(trial.request.recipe),
          trial.request.count, loss_name(experiment_.objective),
          loss.mean(loss.values(trial), trial.request.begin).mean, trial.failed() ? ", failed: " + trial.failure : ""));
    }
    progress_.detail(fmt::format("batch of {} trials: {}", trials.size(), algorithm_->status()));
  }

  std::vector<Trial> confirm(const std::vector<Finalist>& field) {
    std::vector<EvaluationRequest> requests;
    for (const Finalist& finalist : field) {
      requests.push_back({.recipe = finalist.recipe, .set = WindowSet::holdout, .begin = 0, .count = holdout_windows_});
    }
    progress_.begin("confirming", static_cast<double>(std::ssize(field) * holdout_windows_ * record_.window_length),
                    "tokens");
    tracking_.stage("confirming", plan_.budgets.front().bytes);
    auto trials = runner_.run(requests);
    tracking_.trials(trials, runner_.spent().search_tokens, std::nullopt);
    progress_.end();
    return trials;
  }

  void snapshot() {
    snapshots_.cancel();
    record_.trials = runner_.trials();
    record_.journal_sequence = journal_.last_sequence();
    publish_run_file(output_, record_);
  }

  Plan& plan_;
  Session& session_;
  Journal& journal_;
  Progress& progress_;
  StatusKeeper& status_;
  std::optional<EvaluationStore> store_;
  TrialRunner runner_;
  RunRecord record_;
  fs::path output_;
  Snapshots snapshots_;
  std::int64_t holdout_windows_;
  const Experiment& experiment_;
  BestTracker best_;
  Tracking tracking_;
  SearchFigures figures_;
  std::string ended_by_;
  std::int64_t tokens_before_ = 0;  ///< evaluated by earlier starts of this run
  std::unique_ptr<SearchAlgorithm> algorithm_;
  std::int64_t token_limit_ = 0;  ///< of all budgets together
  Clock::time_point started_ = Clock::now();
};

RunRecord run_search(const Experiment& given, framework::ProcessGroup& group, Verbosity verbosity,
                     StatusKeeper& status) {
  Progress progress(verbosity);
  Plan plan(given);
  const Experiment experiment = on_device(given, plan, rank_of_node(group));
  make_directory(experiment.output, "output");
  if (auto record = finished_run(experiment, plan, progress)) {
    dismiss_remote_workers(group);
    progress.say("this search is finished, here is its verdict");
    return std::move(*record);
  }
  make_directory(experiment.cache, "cache");
  open_rank_log(experiment.output, group);
  progress.set_listener([file = progress_file(experiment.output)](const RunProgress& p) { keep_progress(file, p); });
  status.enter(RunState::ready);
  Session session(experiment, plan, group, progress, advance_status(status));
  Journal journal = open_journal(experiment.output, experiment.identity, plan, session, progress);
  framework::write_file_atomically(experiment.output / "experiment.yaml", experiment.resolved_yaml);
  return SearchRun(experiment, plan, session, journal, progress, status).finish();
}

}  // namespace

RunRecord run_search(const Experiment& experiment, framework::ProcessGroup& group, Verbosity verbosity) {
  return under_status(experiment.output, [&](StatusKeeper& status) {
    RunRecord record = run_search(experiment, group, verbosity, status);
    framework::log_line(framework::LogLevel::info, "complete");
    return record;
  });
}

}  // namespace pare::search
