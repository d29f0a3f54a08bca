// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal.hpp"

#include <unistd.h>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cerrno>
#include <string>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

void check_same(const JournalHeader& found, const JournalHeader& wanted, const std::string& name) {
  struct Part {
    const char* what;
    std::string JournalHeader::*hash;
    const char* advice;
  };
  constexpr Part parts[] = {
      {"experiment", &JournalHeader::experiment, "continue it with the same YAML"},
      {"model", &JournalHeader::model, "continue it with the same model files"},
      {"data", &JournalHeader::data, "continue it with the same evaluation text"},
      {"build", &JournalHeader::build, "continue it with the same pare on the same kind of processor"},
  };
  for (const Part& part : parts)
    VALIDATE(found.*part.hash == wanted.*part.hash, name, " belongs to another ", part.what, " (its hash is ",
             found.*part.hash, ", this one is ", wanted.*part.hash, "): ", part.advice,
             ", or choose another --output directory");
}

}  // namespace

Journal Journal::open(const std::filesystem::path& path, const JournalHeader& wanted) {
  if (!std::filesystem::exists(path))
    if (auto created = create(path, wanted)) return std::move(*created);
  Journal journal(PosixFile(path, PosixFile::Mode::append_existing));
  VALIDATE(journal.file_.try_lock(), path.string(),
           " is in use by another pare: wait for that run, stop it, or choose another --output directory");
  journal.recover(wanted);
  return journal;
}

/// Nothing when another process was faster; its journal is not touched.
std::optional<Journal> Journal::create(const std::filesystem::path& path, JournalHeader header) {
  const std::filesystem::path temporary = path.string() + ".new-" + std::to_string(::getpid());
  Journal journal(PosixFile(temporary, PosixFile::Mode::replace));
  VALIDATE(journal.file_.try_lock(), temporary.string(), " is in use by another pare");
  header.run = to_string(boost::uuids::random_generator()());
  journal.file_.write(encode_header(header));
  journal.file_.sync();
  if (!journal.file_.publish_as(path)) return std::nullopt;
  journal.header_ = std::move(header);
  return journal;
}

void Journal::recover(const JournalHeader& wanted) {
  const std::vector<std::byte> bytes = file_.read_all();
  JournalScan scan = scan_journal(bytes, file_.path().string());
  check_same(scan.header, wanted, file_.path().string());
  header_ = std::move(scan.header);
  records_ = std::move(scan.records);
  last_sequence_ = records_.size();
  if (scan.sound_bytes < bytes.size()) cut_torn_tail(std::span(bytes).subspan(scan.sound_bytes), scan.sound_bytes);
}

void Journal::cut_torn_tail(std::span<const std::byte> tail, std::uint64_t offset) {
  const std::filesystem::path copy = file_.path().string() + ".torn-" + std::to_string(last_sequence_ + 1);
  PosixFile aside(copy, PosixFile::Mode::replace);
  aside.write(tail);
  aside.sync();
  sync_directory(copy.parent_path());
  file_.truncate(offset);
  file_.sync();
  torn_tail_ = TornTail{copy, offset, tail.size()};
}

std::uint64_t Journal::append(std::span<const JournalEntry> entries) {
  if (failed_)
    throw JournalError(file_.path().string() + " takes no more records after a failed write", file_.path(), EIO);
  std::vector<std::byte> batch;
  std::uint64_t sequence = last_sequence_;
  for (const JournalEntry& entry : entries) {
    const std::vector<std::byte> record = encode_record({++sequence, entry.type, entry.payload});
    batch.insert(batch.end(), record.begin(), record.end());
  }
  failed_ = true;
  file_.write(batch);
  file_.sync_data();
  failed_ = false;
  last_sequence_ = sequence;
  return sequence;
}

}  // namespace pare::search
