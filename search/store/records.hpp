// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "search/objective/trial.hpp"
#include "search/store/journal.hpp"

namespace pare::search {

/// A piece of evaluation, in the order of arrival: consecutive windows of one recipe, with what they cost. Payload:
/// u8[] recipe | u8 set | i64 begin | f64[] kl | f64[] nll | i64 stage_runs | i64 stage_runs_saved | u8 reused | f64[] wrong.
struct Result {
  Recipe recipe;
  WindowSet set = WindowSet::search;
  std::int64_t begin = 0;
  std::vector<double> kl;   ///< per window, nats a token
  std::vector<double> nll;  ///< the same windows
  std::int64_t stage_runs = 0;
  std::int64_t stage_runs_saved = 0;
  bool reused = false;             ///< another run had evaluated it
  std::vector<double> wrong = {};  ///< per window, where they are items; empty where they are text
};

/// A recipe that no worker could evaluate: every trial of it from number `trial` on has failed. Payload: u8[] recipe |
/// i64 trial | string text.
struct Poisoned {
  Recipe recipe;
  std::int64_t trial = 0;
  std::string text;  ///< why, one line, not empty
};

/// A trial was given to the algorithm; its values are in the results before it. A replay must come to the same digest.
/// Payload: i64 trial | string digest | u8[] recipe | u8 set | i64 begin | i64 count | f64 seconds.
struct Commit {
  std::int64_t trial = 0;
  std::string digest;  ///< over all trials so far, TrialDigest
  EvaluationRequest request;
  double seconds = std::numeric_limits<double>::quiet_NaN();  ///< Trial::seconds
};

/// The run has its verdict. Payload: string digest | u32 length | run.
struct Close {
  std::string verdict_digest;
  std::vector<std::byte> run;  ///< run_image with the verdict
};

/// What a run file says before there are trials: with the results and commits, all that it is rebuilt from. Once a
/// journal. Payload: u32 length | run.
struct PlanRecord {
  std::vector<std::byte> run;  ///< run_image
};

/// A process began to write, the first record of its first segment. Payload: u64 epoch | string owner.
struct Epoch {
  std::uint64_t epoch = 0;
  std::string owner;  ///< to_text of store/owner.hpp
};

/// Stands for a record that a damaged journal lost (store/journal_repair.hpp). No payload.
struct Lost {};

using Record = std::variant<Result, Commit, Close, PlanRecord, Epoch, Poisoned, Lost>;

/// Type and payload for Journal::append. The types are 1 (Result), 2 (Commit), 3 (Close), 4 (Poisoned), 5 (PlanRecord),
/// 6 (Epoch), 7 (Lost).
/// New fields go to the end of a payload, and a decoder takes records that end before them.
JournalEntry journal_entry(const Record& record);

/// The first plan among them.
std::optional<PlanRecord> find_plan(std::span<const JournalRecord> records);

/// Throws InputError naming the record: an unknown type, lengths that do not add up, an unknown window set, a
/// negative index, or different numbers of kl, nll and wrong values.
Record decode_record(const JournalRecord& record);

}  // namespace pare::search
