// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/store/journal_reader.hpp"
#include "search/store/journal_repair.hpp"
#include "search/store/journal_replay.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {

int repair_journal(const Arguments& arguments) {
  const JournalRepair repair = repair_journal(arguments.file);
  fmt::print("{}", describe(repair, arguments.file));
  return 0;
}

int export_journal(const Arguments& arguments) {
  const JournalContents journal = read_journal(journal_path(arguments.file));
  const auto record = rebuild_run(replay_journal(journal.records));
  VALIDATE(record, journal_path(arguments.file).string(), ": there is no journal of a search that has begun");
  const std::string file = run_file_path(arguments.file).string();
  if (publish_run_file(arguments.file, *record))
    fmt::print("{}: {} trials, up to record {} of the journal\n", file, record->trials.size(),
               record->journal_sequence);
  else
    fmt::print("{} is newer than the journal, it is left as it is\n", file);
  return 0;
}

}  // namespace pare::search
