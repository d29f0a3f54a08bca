// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal_replay.hpp"

#include <utility>
#include <variant>

#include "kernels/core/contract.hpp"
#include "search/store/digest.hpp"
#include "search/store/evaluation_cache.hpp"
#include "search/store/run_image.hpp"

namespace pare::search {
namespace {

EvaluationCache cache_of(const JournalReplay& replay) {
  EvaluationCache cache;
  for (const Result& result : replay.results) cache.add(result);
  return cache;
}

class Sorter {
 public:
  explicit Sorter(JournalReplay& replay) : replay_(replay) {}

  void operator()(Result& result) { replay_.results.push_back(std::move(result)); }
  void operator()(Commit& commit) {
    const auto position = static_cast<std::size_t>(commit.trial);
    if (position >= replay_.commits.size()) replay_.commits.resize(position + 1);
    replay_.commits[position] = std::move(commit);
  }
  void operator()(Close& close) { replay_.close = std::move(close); }
  void operator()(PlanRecord& plan) { replay_.plan = std::move(plan.run); }
  void operator()(Epoch&) {}
  void operator()(const Poisoned& poisoned) { replay_.poisoned.add(poisoned); }
  void operator()(Lost&) {}

 private:
  JournalReplay& replay_;
};

}  // namespace

JournalReplay replay_journal(std::span<const JournalRecord> records) {
  JournalReplay replay;
  for (const JournalRecord& entry : records) {
    Record record = decode_record(entry);
    if (const auto* commit = std::get_if<Commit>(&record)) {
      VALIDATE(commit->trial < std::ssize(records), "journal record ", entry.sequence, " is damaged: trial ",
               commit->trial, " of ", records.size(), " records");
    }
    std::visit(Sorter(replay), record);
    replay.last_sequence = entry.sequence;
  }
  return replay;
}

std::optional<RunRecord> rebuild_run(const JournalReplay& replay) {
  if (!replay.close && replay.plan.empty()) return std::nullopt;
  RunRecord record = read_run_image(replay.close ? replay.close->run : replay.plan);
  record.journal_sequence = replay.last_sequence;
  const EvaluationCache cache = cache_of(replay);
  TrialDigest digest;
  for (const std::optional<Commit>& commit : replay.commits) {
    if (!commit) break;
    std::optional<Trial> trial = replay.poisoned.failed_trial(commit->request, commit->trial);
    if (!trial) trial = cache.lookup(commit->request);
    if (!trial) break;
    trial->id = commit->trial;
    trial->seconds = commit->seconds;
    digest.add(*trial);
    VALIDATE(digest.hex() == commit->digest, "journal: trial ", commit->trial, " does not come to its digest");
    record.trials.push_back(std::move(*trial));
  }
  if (record.verdict && record.verdict->trials != std::ssize(record.trials)) record.verdict.reset();
  return record;
}

std::vector<std::int64_t> incomplete_trials(const JournalReplay& replay) {
  const EvaluationCache cache = cache_of(replay);
  std::vector<std::int64_t> trials;
  for (std::size_t t = 0; t < replay.commits.size(); ++t) {
    const auto trial = static_cast<std::int64_t>(t);
    const std::optional<Commit>& commit = replay.commits[t];
    const bool failed = commit && replay.poisoned.has(commit->request.recipe, trial);
    if (!commit || (!failed && !cache.missing(commit->request).empty())) trials.push_back(trial);
  }
  return trials;
}

}  // namespace pare::search
