// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "search/objective/trial.hpp"
#include "search/store/journal.hpp"

namespace pare::search {

/// A piece of evaluation as it came from a worker, in the order of arrival: consecutive windows of one
/// recipe, with what they cost. Payload: u8[] recipe | u8 set | i64 begin | f64[] kl | f64[] nll | i64
/// stage_runs | i64 stage_runs_saved.
struct Result {
  Recipe recipe;
  WindowSet set = WindowSet::search;
  std::int64_t begin = 0;
  std::vector<double> kl;   ///< per window, nats a token
  std::vector<double> nll;  ///< the same windows
  std::int64_t stage_runs = 0;
  std::int64_t stage_runs_saved = 0;
};

/// A trial was given to the algorithm. A replay must come to the same digest. Payload: i64 trial | string
/// digest.
struct Commit {
  std::int64_t trial = 0;
  std::string digest;  ///< over all trials so far, TrialDigest
};

/// The run has its verdict. Payload: string digest.
struct Close {
  std::string verdict_digest;
};

using Record = std::variant<Result, Commit, Close>;

/// Type and payload for Journal::append. The types are 1 (Result), 2 (Commit), 3 (Close).
JournalEntry journal_entry(const Record& record);

/// Throws InputError naming the record: an unknown type, lengths that do not add up, an unknown window set, a
/// negative index, or different numbers of kl and nll values.
Record decode_record(const JournalRecord& record);

}  // namespace pare::search
