// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "search/coordination/lease_pool.hpp"
#include "search/coordination/progress.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/objective/trial.hpp"
#include "search/objective/verdict.hpp"
#include "search/space/search_space.hpp"
#include "search/store/digest.hpp"
#include "search/store/evaluation_cache.hpp"
#include "search/store/evaluation_store.hpp"
#include "search/store/journal.hpp"
#include "search/store/poisoned_recipes.hpp"
#include "search/store/records.hpp"

namespace pare::search {

/// Turns requests into trials: what is known already comes from the cache, the rest is leased out to workers,
/// journalled, and committed in the order of the requests. Since the cache starts with what the journal holds, running
/// the same search again after a crash replays it and goes on where it stopped.
///
/// A recipe that no worker can evaluate is poisoned: its trials from the batch on in which that showed have failed,
/// whatever of them was measured, so that they are the same for any number of workers.
class TrialRunner {
 public:
  /// `store`: what other runs know already; may be null. Throws InputError when the journal's records cannot be understood.
  TrialRunner(const SearchSpace& space, Scheduler& scheduler, Journal& journal, Progress& progress,
              const LeaseSettings& leases, std::int64_t window_length, EvaluationStore* store = nullptr);

  /// Evaluates and commits. Throws InputError when a replayed trial differs from what the journal says was committed.
  std::vector<Trial> run(std::span<const EvaluationRequest> requests);

  /// All committed trials in order.
  const std::vector<Trial>& trials() const { return trials_; }
  std::string digest() const { return digest_.hex(); }
  /// All but the seconds, which the caller knows.
  Spent spent() const;
  /// Evaluated windows that the journal already held.
  std::int64_t replayed_windows() const { return replayed_windows_; }

 private:
  void reuse(std::span<const EvaluationRequest> requests);
  void evaluate_missing(std::span<const EvaluationRequest> requests);
  void keep(const Evaluate& lease, const Evaluated& outcome);
  void commit(Trial& trial, std::vector<JournalEntry>& entries);
  double seconds_of_search() const;

  const SearchSpace& space_;
  Scheduler& scheduler_;
  Journal& journal_;
  Progress& progress_;
  LeaseSettings leases_;
  std::int64_t window_length_;
  EvaluationStore* store_;
  EvaluationCache cache_;
  PoisonedRecipes poisoned_;
  std::vector<std::optional<Commit>> committed_before_;  ///< by trial, from the journal
  double seconds_before_ = 0;                            ///< of search, in earlier starts
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::vector<Trial> trials_;
  TrialDigest digest_;
  Spent spent_;
  std::int64_t replayed_windows_ = 0;
};

}  // namespace pare::search
