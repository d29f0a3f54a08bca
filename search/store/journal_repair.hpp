// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pare::search {

struct JournalRepair {
  std::vector<std::string> damage;  ///< one line each: where and what; empty: the journal is sound, nothing was done
  std::uint64_t kept = 0;           ///< records
  std::uint64_t lost = 0;           ///< records
  std::filesystem::path damaged;    ///< where the journal lies now as it was
  std::vector<std::int64_t> incomplete;  ///< trials of which results are lost: the search measures them again
};

/// Makes the journal in a run's directory readable again: all sound records in new segments, under their old numbers,
/// placeholders for the lost ones. The damaged journal is kept as a whole beside it. Killed at any point, the old or the
/// new journal is found (finish_repair). Throws InputError, one line: there is no journal, it is in use, or no segment
/// says whose it is; JournalError when the disk fails. Nothing is changed then.
JournalRepair repair_journal(const std::filesystem::path& directory);

/// Puts a repaired journal in place whose repair was cut off just before that. To be called before a journal is opened.
void finish_repair(const std::filesystem::path& journal);

/// For people: what was damaged, kept and lost, and what to do next.
std::string describe(const JournalRepair& repair, const std::filesystem::path& directory);

}  // namespace pare::search
