// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The directory of a run holds the journal, the truth, and what is derived from it:
///
///   journal/           store/journal_reader.hpp
///   run.h5             store/run_file.hpp, rebuilt now and then
///   run.previous.h5    the one before
std::filesystem::path journal_path(const std::filesystem::path& directory);
std::filesystem::path run_file_path(const std::filesystem::path& directory);

struct FoundRun {
  RunRecord record;
  std::string warning;  ///< one line; not empty when the journal could not be used
};

/// What is known of the run in a directory, from the journal where that says more than run.h5, which it then does as the
/// run itself would have written it. Writes nothing. Nothing when neither says anything. Throws InputError when run.h5 is
/// damaged and the journal does not help.
std::optional<FoundRun> find_run(const std::filesystem::path& directory);

/// The run in a run file or, as find_run says, in a directory. Throws InputError when there is none.
FoundRun open_run(const std::filesystem::path& file_or_directory);

/// Puts the record in place as DIRECTORY/run.h5, unless what lies there is newer: then false. The file that was there is
/// kept as run.previous.h5. Processes that do so at the same time take turns.
bool publish_run_file(const std::filesystem::path& directory, const RunRecord& record);

}  // namespace pare::search
