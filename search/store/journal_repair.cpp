// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal_repair.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

#include "kernels/core/contract.hpp"
#include "search/store/fence.hpp"
#include "search/store/journal_reader.hpp"
#include "search/store/journal_replay.hpp"
#include "search/store/records.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_bytes = std::uint64_t{64} << 20;

fs::path repaired_path(const fs::path& journal) {
  return journal.string() + ".repaired";
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    throw JournalError(fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), error.message()), from,
                       error.value());
  sync_directory(from.parent_path());
}

/// All that can still be read.
struct Salvage {
  std::optional<SegmentHeader> header;  ///< of the last segment that has one
  std::map<std::uint64_t, JournalRecord> records;
  std::vector<std::string> damage;
};

Salvage salvage(const fs::path& journal) {
  Salvage salvage;
  std::uint64_t expected = 1;
  for (const std::uint64_t number : segment_numbers(journal)) {
    for (; expected < number; ++expected)
      salvage.damage.push_back(fmt::format("{} is missing", segment_path(journal, expected).string()));
    expected = number + 1;
    Segment segment = read_segment(segment_path(journal, number));
    if (segment.header)
      salvage.header = segment.header->header;
    else
      salvage.damage.push_back(segment.header_error);
    for (const Gap& gap : segment.scan.gaps)
      salvage.damage.push_back(
          fmt::format("{}: {} bytes from byte {} on are no record", segment.file.string(), gap.bytes, gap.offset));
    // A later segment knows better what came after a take-over.
    for (JournalRecord& record : segment.scan.records) salvage.records[record.sequence] = std::move(record);
  }
  return salvage;
}

class Rewriter {
 public:
  Rewriter(fs::path directory, const SegmentHeader& header) : directory_(std::move(directory)), header_(header) {
    header_.number = 0;
  }

  void add(const JournalRecord& record) {
    if (!file_ || bytes_ >= segment_bytes) next_segment();
    write(encode_record(record));
  }

  void finish() {
    if (!file_) next_segment();
    file_->sync();
    sync_directory(directory_);
  }

 private:
  void next_segment() {
    if (file_) file_->sync();
    ++header_.number;
    bytes_ = 0;
    file_.emplace(segment_path(directory_, header_.number), PosixFile::Mode::create_new);
    write(encode_header(header_));
  }

  void write(const std::vector<std::byte>& bytes) {
    file_->write(bytes);
    bytes_ += bytes.size();
  }

  fs::path directory_;
  SegmentHeader header_;
  std::optional<PosixFile> file_;
  std::uint64_t bytes_ = 0;
};

fs::path free_name(const fs::path& journal) {
  for (int n = 1;; ++n) {
    const fs::path name = fmt::format("{}.damaged-{}", journal.string(), n);
    if (!fs::exists(name)) return name;
  }
}

bool is_sound(const fs::path& journal) {
  try {
    read_journal(journal);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

void finish_repair(const fs::path& journal) {
  if (!fs::exists(journal) && fs::exists(repaired_path(journal))) move(repaired_path(journal), journal);
}

JournalRepair repair_journal(const fs::path& directory) {
  const fs::path journal = journal_path(directory);
  finish_repair(journal);
  VALIDATE(!segment_numbers(journal).empty(), journal.string(), ": there is no journal to repair");
  const Fence fence(journal, {});
  JournalRepair repair;
  if (is_sound(journal)) return repair;
  Salvage found = salvage(journal);
  VALIDATE(found.header, found.damage.front(),
           "; no segment says whose journal it is, so nothing can be kept: restore ", journal.string(),
           " from a copy, or choose another --output directory");
  const std::uint64_t last = found.records.empty() ? 0 : found.records.rbegin()->first;
  const fs::path repaired = repaired_path(journal);
  fs::remove_all(repaired);  // of a repair that was cut off
  fs::create_directory(repaired);
  Rewriter rewriter(repaired, *found.header);
  std::vector<JournalRecord> records;
  for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
    const auto record = found.records.find(sequence);
    if (record == found.records.end()) {
      JournalEntry placeholder = journal_entry(Record(Lost{}));
      records.push_back({sequence, placeholder.type, std::move(placeholder.payload)});
      ++repair.lost;
    } else {
      records.push_back(std::move(record->second));
      ++repair.kept;
    }
    rewriter.add(records.back());
  }
  rewriter.finish();
  repair.incomplete = incomplete_trials(replay_journal(records));
  repair.damage = std::move(found.damage);
  repair.damaged = free_name(journal);
  move(journal, repair.damaged);
  move(repaired, journal);
  return repair;
}

std::string describe(const JournalRepair& repair, const fs::path& directory) {
  const std::string journal = journal_path(directory).string();
  if (repair.damage.empty()) return fmt::format("{} is sound, nothing was changed\n", journal);
  std::string text;
  for (const std::string& line : repair.damage) text += line + "\n";
  text += fmt::format("{}: {} records kept, {} lost\n", journal, repair.kept, repair.lost);
  if (repair.incomplete.empty())
    text += "no trial is lost\n";
  else
    text += fmt::format("trials to be measured again, as far as other runs do not know them: {}\n",
                        fmt::join(repair.incomplete, ", "));
  text += fmt::format("the damaged journal is kept as {}; `pare search` with the same experiment goes on\n",
                      repair.damaged.string());
  return text;
}

}  // namespace pare::search
