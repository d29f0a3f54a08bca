// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "search/store/journal_format.hpp"
#include "search/store/poisoned_recipes.hpp"
#include "search/store/records.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// A journal's records, sorted out.
struct JournalReplay {
  std::vector<Result> results;                 ///< in the order of arrival
  std::vector<std::optional<Commit>> commits;  ///< by trial; nothing where a damaged journal lost one
  PoisonedRecipes poisoned;
  std::vector<std::byte> plan;  ///< run_image; empty: none
  std::optional<Close> close;
  std::uint64_t last_sequence = 0;
};

/// Throws InputError naming the record that cannot be decoded.
JournalReplay replay_journal(std::span<const JournalRecord> records);

/// The run that a journal tells of, from the journal alone: the trials as far as commits and their results are there,
/// the verdict when all of them are. The same as the run itself writes, byte for byte (write_run_file). Nothing when the
/// search had not begun. Throws InputError when trials do not come to their digests.
std::optional<RunRecord> rebuild_run(const JournalReplay& replay);

/// Numbers of the committed trials whose results are not all there: what a repaired journal has to measure again.
std::vector<std::int64_t> incomplete_trials(const JournalReplay& replay);

}  // namespace pare::search
