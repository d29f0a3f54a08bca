// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/trial_runner.hpp"

#include <fmt/core.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "kernels/core/contract.hpp"
#include "search/store/journal_replay.hpp"
#include "search/store/records.hpp"

namespace pare::search {

TrialRunner::TrialRunner(const SearchSpace& space, Scheduler& scheduler, Journal& journal, Progress& progress,
                         const LeaseSettings& leases, std::int64_t window_length, EvaluationStore* store)
    : space_(space),
      scheduler_(scheduler),
      journal_(journal),
      progress_(progress),
      leases_(leases),
      window_length_(window_length),
      store_(store) {
  JournalReplay replay = replay_journal(journal.records());
  poisoned_ = std::move(replay.poisoned);
  for (const Result& result : replay.results) {
    VALIDATE(result.recipe.size() == space.sites.size(), "journal: a result is of a recipe of ", result.recipe.size(),
             " sites, this experiment has ", space.sites.size());
    spent_.stage_runs += result.stage_runs;
    spent_.stage_runs_saved += result.stage_runs_saved;
    replayed_windows_ += static_cast<std::int64_t>(result.kl.size());
    cache_.add(result);
  }
  committed_before_ = std::move(replay.commits);
  for (const std::optional<Commit>& commit : committed_before_) {
    if (commit && commit->seconds > seconds_before_) seconds_before_ = commit->seconds;
  }
}

std::vector<Trial> TrialRunner::run(std::span<const EvaluationRequest> requests) {
  if (store_ != nullptr) reuse(requests);
  evaluate_missing(requests);
  std::vector<Trial> trials;
  std::vector<JournalEntry> entries;
  for (const EvaluationRequest& request : requests) {
    const auto id = static_cast<std::int64_t>(trials_.size());
    std::optional<Trial> trial = poisoned_.failed_trial(request, id);
    if (!trial) trial = cache_.lookup(request);
    EXPECT(trial.has_value());
    trial->id = id;
    commit(*trial, entries);
    trials.push_back(std::move(*trial));
  }
  if (!entries.empty()) journal_.append(entries);
  return trials;
}

/// What other runs measured goes into the journal like any result: it alone says what this run knew.
void TrialRunner::reuse(std::span<const EvaluationRequest> requests) {
  std::vector<JournalEntry> entries;
  const auto first_trial = static_cast<std::int64_t>(trials_.size());
  for (const EvaluationRequest& request : requests) {
    if (poisoned_.has(request.recipe, first_trial)) continue;
    for (const WindowRange& range : cache_.missing(request)) {
      for (const Result& result : store_->find(request.recipe, request.set, range)) {
        entries.push_back(journal_entry(Record(result)));
        cache_.add(result);
      }
    }
  }
  if (!entries.empty()) journal_.append(entries);
}

void TrialRunner::evaluate_missing(std::span<const EvaluationRequest> requests) {
  // Requests on the same windows go out together, so that they can share prefixes; a recipe asked for twice goes out
  // once.
  std::map<std::tuple<WindowSet, std::int64_t, std::int64_t>, std::set<Recipe>> groups;
  const auto first_trial = static_cast<std::int64_t>(trials_.size());
  for (const EvaluationRequest& request : requests) {
    EXPECT(request.recipe.size() == space_.sites.size());
    if (poisoned_.has(request.recipe, first_trial)) continue;
    for (const WindowRange& range : cache_.missing(request)) {
      groups[{request.set, range.begin, range.count}].insert(request.recipe);
    }
  }
  std::vector<Evaluate> work;
  for (const auto& [where, recipes] : groups) {
    const auto& [set, begin, count] = where;
    work.push_back({set, begin, count, {recipes.begin(), recipes.end()}});
  }
  scheduler_.evaluate(
      space_, leases_, std::move(work), [&](const Evaluate& lease, const Evaluated& result) { keep(lease, result); },
      [&](const Recipe& recipe, const std::string& why) {
        const Poisoned poisoned{recipe, first_trial, why};
        const JournalEntry entry = journal_entry(Record(poisoned));
        journal_.append({&entry, 1});
        poisoned_.add(poisoned);
        progress_.say("warning: a recipe cannot be evaluated and is out of the search: " + why);
      });
}

void TrialRunner::keep(const Evaluate& lease, const Evaluated& outcome) {
  const auto windows = static_cast<std::size_t>(lease.count);
  std::vector<Result> results;
  std::vector<JournalEntry> entries;
  for (std::size_t r = 0; r < lease.recipes.size(); ++r) {
    const auto from = static_cast<std::ptrdiff_t>(r * windows);
    const auto to = static_cast<std::ptrdiff_t>((r + 1) * windows);
    Result result{.recipe = lease.recipes[r],
                  .set = lease.set,
                  .begin = lease.begin,
                  .kl = {outcome.kl.begin() + from, outcome.kl.begin() + to},
                  .nll = {outcome.nll.begin() + from, outcome.nll.begin() + to},
                  .stage_runs = 0,
                  .stage_runs_saved = 0};
    if (!outcome.wrong.empty()) result.wrong = {outcome.wrong.begin() + from, outcome.wrong.begin() + to};
    if (r == 0) {  // the runs of a lease cannot be told apart by candidate
      result.stage_runs = outcome.stage_runs;
      result.stage_runs_saved = outcome.stage_runs_separate - outcome.stage_runs;
    }
    entries.push_back(journal_entry(Record(result)));
    results.push_back(std::move(result));
  }
  journal_.append(entries);  // on the disk before anything is decided by it
  for (const Result& result : results) {
    cache_.add(result);
    if (store_ != nullptr) store_->add(result);
  }
  spent_.stage_runs += outcome.stage_runs;
  spent_.stage_runs_saved += outcome.stage_runs_separate - outcome.stage_runs;
  progress_.advance(static_cast<double>(lease.recipes.size() * windows) * static_cast<double>(window_length_));
}

void TrialRunner::commit(Trial& trial, std::vector<JournalEntry>& entries) {
  digest_.add(trial);
  const auto position = static_cast<std::size_t>(trial.id);
  const std::string digest = digest_.hex();
  if (position < committed_before_.size() && committed_before_[position]) {
    const Commit& before = *committed_before_[position];
    VALIDATE(before.digest == digest, "journal: replaying trial ", trial.id,
             " gave another result than the run that is continued; was it made by another build or machine?");
    trial.seconds = before.seconds;
  } else {
    trial.seconds = seconds_of_search();
    entries.push_back(journal_entry(Record(Commit{trial.id, digest, trial.request, trial.seconds})));
  }
  ++spent_.evaluations;
  trials_.push_back(trial);
}

double TrialRunner::seconds_of_search() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

Spent TrialRunner::spent() const {
  Spent spent = spent_;
  for (const WindowSet set : {WindowSet::search, WindowSet::holdout}) {
    std::int64_t windows = cache_.windows(set);
    std::int64_t reused = cache_.reused_windows(set);
    // Which windows of a poisoned recipe came home is left to chance, and a count must not be.
    for (const auto& [recipe, poisoned] : poisoned_.all()) {
      windows -= cache_.windows(recipe, set);
      reused -= cache_.reused_windows(recipe, set);
    }
    const std::int64_t tokens = (windows - reused) * window_length_;
    spent.tokens += tokens;
    if (set == WindowSet::search) spent.search_tokens = tokens;
    spent.reused_tokens += reused * window_length_;
  }
  return spent;
}

}  // namespace pare::search
