// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/store/journal_reader.hpp"
#include "search/store/journal_replay.hpp"
#include "search/store/run_file.hpp"
#include "search/store/schema.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

/// One process at a time; where the file system has no locks, nobody waits.
class Turn {
 public:
  explicit Turn(const fs::path& directory)
      : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) static_cast<void>(::flock(descriptor_, LOCK_EX));
  }
  ~Turn() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  int descriptor_;
};

/// 0 when there is no readable run file.
std::uint64_t sequence_in(const fs::path& file) {
  try {
    const auto run = framework::H5File::open(file);
    if (!run.has_attribute("/", schema::journal_sequence)) return 0;
    return static_cast<std::uint64_t>(run.int_attribute("/", schema::journal_sequence));
  } catch (const InputError&) {
    return 0;
  }
}

/// run.h5, or why it cannot be read.
struct RunFileContents {
  std::optional<RunRecord> record;
  std::string damage;
};

RunFileContents read_if_there(const fs::path& file) {
  if (!fs::exists(file)) return {};
  try {
    return {read_run_file(file), ""};
  } catch (const InputError& error) {
    return {std::nullopt, error.what()};
  }
}

}  // namespace

fs::path journal_path(const fs::path& directory) {
  return directory / "journal";
}

fs::path run_file_path(const fs::path& directory) {
  return directory / "run.h5";
}

std::optional<FoundRun> find_run(const fs::path& directory) {
  RunFileContents file = read_if_there(run_file_path(directory));
  std::string warning;
  try {
    const JournalContents journal = read_journal(journal_path(directory));
    if (!file.record || file.record->journal_sequence < journal.records.size()) {
      if (auto record = rebuild_run(replay_journal(journal.records))) return FoundRun{std::move(*record), ""};
    }
  } catch (const InputError& error) {
    if (!file.record && file.damage.empty()) throw;
    warning = error.what();
  }
  if (!file.damage.empty()) throw InputError(file.damage);
  if (!file.record) return std::nullopt;
  return FoundRun{std::move(*file.record), warning};
}

FoundRun open_run(const fs::path& path) {
  if (!fs::is_directory(path)) return {read_run_file(path), ""};
  std::optional<FoundRun> found = find_run(path);
  VALIDATE(found, path.string(), ": there is neither a run.h5 nor a journal of a search that has begun");
  return std::move(*found);
}

bool publish_run_file(const fs::path& directory, const RunRecord& record) {
  const fs::path file = run_file_path(directory);
  const Turn turn(directory);
  if (fs::exists(file)) {
    if (sequence_in(file) > record.journal_sequence) return false;
    const fs::path previous = directory / "run.previous.h5";
    const fs::path link = directory / (".run.previous.h5-" + std::to_string(::getpid()));
    std::error_code ignored;  // without hard links there is no previous file
    fs::create_hard_link(file, link, ignored);
    if (!ignored) fs::rename(link, previous, ignored);
  }
  write_run_file(file, record);
  return true;
}

}  // namespace pare::search
