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
  for (const Result& result : replay.results) {
    VALIDATE(result.recipe.size() == space.sites.size(), "journal: a result is of a recipe of ", result.recipe.size(),
             " sites, this experiment has ", space.sites.size());
    spent_.stage_runs += result.stage_runs;
    spent_.stage_runs_saved += result.stage_runs_saved;
    replayed_windows_ += static_cast<std::int64_t>(result.kl.size());
    know(result);
  }
  for (const std::optional<Commit>& commit : replay.commits) committed_before_.push_back(commit ? commit->digest : "");
}

std::vector<Trial> TrialRunner::run(std::span<const EvaluationRequest> requests) {
  if (store_ != nullptr) reuse(requests);
  evaluate_missing(requests);
  std::vector<Trial> trials;
  std::vector<JournalEntry> entries;
  for (const EvaluationRequest& request : requests) {
    std::optional<Trial> trial = cache_.lookup(request);
    EXPECT(trial.has_value());
    trial->id = static_cast<std::int64_t>(trials_.size());
    commit(*trial, entries);
    trials.push_back(std::move(*trial));
  }
  if (!entries.empty()) journal_.append(entries);
  return trials;
}

void TrialRunner::know(const Result& result) {
  cache_.add(result);
  if (result.reused) reused_windows_[static_cast<std::size_t>(result.set)] += std::ssize(result.kl);
}

/// What other runs measured goes into the journal like any result: it alone says what this run knew.
void TrialRunner::reuse(std::span<const EvaluationRequest> requests) {
  std::vector<JournalEntry> entries;
  for (const EvaluationRequest& request : requests) {
    for (const WindowRange& range : cache_.missing(request)) {
      for (const Result& result : store_->find(request.recipe, request.set, range)) {
        entries.push_back(journal_entry(Record(result)));
        know(result);
      }
    }
  }
  if (!entries.empty()) journal_.append(entries);
}

void TrialRunner::evaluate_missing(std::span<const EvaluationRequest> requests) {
  // Requests on the same windows go out together, so that they can share prefixes; a recipe asked for twice goes out
  // once.
  std::map<std::tuple<WindowSet, std::int64_t, std::int64_t>, std::set<Recipe>> groups;
  for (const EvaluationRequest& request : requests) {
    EXPECT(request.recipe.size() == space_.sites.size());
    for (const WindowRange& range : cache_.missing(request)) {
      groups[{request.set, range.begin, range.count}].insert(request.recipe);
    }
  }
  std::vector<Task> tasks;
  for (const auto& [where, recipes] : groups) {
    const auto& [set, begin, count] = where;
    for (Evaluate& lease : make_leases(space_, {recipes.begin(), recipes.end()}, set, begin, count, leases_)) {
      tasks.push_back(std::move(lease));
    }
  }
  scheduler_.run(tasks, [&](std::size_t index, Outcome& outcome) {
    keep(std::get<Evaluate>(tasks[index]), std::get<Evaluated>(outcome));
  });
}

void TrialRunner::keep(const Evaluate& lease, const Evaluated& outcome) {
  const auto windows = static_cast<std::size_t>(lease.count);
  VALIDATE(outcome.kl.size() == lease.recipes.size() * windows && outcome.nll.size() == outcome.kl.size(),
           "a worker answered ", outcome.kl.size(), " losses for ", lease.recipes.size(), " candidates on ", windows,
           " windows");
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
    if (r == 0) {  // the runs of a lease cannot be told apart by candidate
      result.stage_runs = outcome.stage_runs;
      result.stage_runs_saved = outcome.stage_runs_separate - outcome.stage_runs;
    }
    entries.push_back(journal_entry(Record(result)));
    results.push_back(std::move(result));
  }
  journal_.append(entries);  // on the disk before anything is decided by it
  for (const Result& result : results) {
    know(result);
    if (store_ != nullptr) store_->add(result);
  }
  spent_.stage_runs += outcome.stage_runs;
  spent_.stage_runs_saved += outcome.stage_runs_separate - outcome.stage_runs;
  progress_.advance(static_cast<double>(lease.recipes.size() * windows) * static_cast<double>(window_length_));
}

void TrialRunner::commit(const Trial& trial, std::vector<JournalEntry>& entries) {
  digest_.add(trial);
  const auto position = static_cast<std::size_t>(trial.id);
  const std::string digest = digest_.hex();
  const std::string before = position < committed_before_.size() ? committed_before_[position] : "";
  VALIDATE(before.empty() || before == digest, "journal: replaying trial ", trial.id,
           " gave another result than the run that is continued; was it made by another build or machine?");
  if (before.empty()) entries.push_back(journal_entry(Record(Commit{trial.id, digest, trial.request})));
  ++spent_.evaluations;
  trials_.push_back(trial);
}

Spent TrialRunner::spent() const {
  Spent spent = spent_;
  const auto evaluated = [this](WindowSet set) {
    return cache_.windows(set) - reused_windows_[static_cast<std::size_t>(set)];
  };
  spent.search_tokens = evaluated(WindowSet::search) * window_length_;
  spent.tokens = spent.search_tokens + evaluated(WindowSet::holdout) * window_length_;
  spent.reused_tokens = (reused_windows_[0] + reused_windows_[1]) * window_length_;
  return spent;
}

}  // namespace pare::search
