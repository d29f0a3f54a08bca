// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal.hpp"

#include <unistd.h>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cerrno>
#include <string>
#include <system_error>

#include "kernels/core/contract.hpp"
#include "search/store/journal_repair.hpp"
#include "search/store/records.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

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

/// Before version 2 a journal was one file beside the directory.
void refuse_version_1(const fs::path& path) {
  const fs::path old = path.parent_path() / "journal.bin";
  VALIDATE(
      fs::exists(path) || !fs::is_regular_file(old), old.string(),
      " is a journal of version 1, which only the pare that wrote it can continue: use that one, or choose another "
      "--output directory");
}

void make_journal_directory(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directory(path, error);
  VALIDATE(!error, "cannot create the directory ", path.string(), ": ", error.message());
  if (made) sync_directory(path.parent_path());
}

}  // namespace

Journal Journal::open(const fs::path& path, const JournalHeader& wanted, const JournalSettings& settings) {
  refuse_version_1(path);
  finish_repair(path);
  make_journal_directory(path);
  Journal journal(path, settings, std::make_unique<Fence>(path, settings.fence));
  JournalContents contents = read_journal(path);
  VALIDATE((contents.last ? contents.last->number : 0) == journal.fence_->last_segment(), Fence::in_use_text(path));
  journal.succeed(contents, wanted);
  VALIDATE(journal.begin_segment(), Fence::in_use_text(path));
  // The last segment is over now; what its writer acknowledged in the meantime counts.
  if (contents.last && fs::file_size(segment_path(path, contents.last->number)) != contents.last_bytes)
    contents = read_journal(path);
  journal.records_ = std::move(contents.records);
  journal.last_sequence_ = journal.records_.size();
  if (contents.tail) journal.cut(*contents.tail);
  journal.fence_->hold(journal.header_.number);
  const JournalEntry epoch = journal_entry(Record(Epoch{journal.header_.epoch, journal.header_.owner}));
  journal.append({&epoch, 1});
  return journal;
}

/// The header of the next segment.
void Journal::succeed(const JournalContents& contents, const JournalHeader& wanted) {
  header_.journal = wanted;
  if (contents.last) {
    check_same(contents.last->journal, wanted, path_.string());
    header_ = *contents.last;
    ++header_.number;
    ++header_.epoch;
  } else if (wanted.run.empty()) {
    header_.journal.run = to_string(boost::uuids::random_generator()());
  }
  header_.owner = to_text(fence_->owner());
}

bool Journal::begin_segment() {
  const fs::path file = segment_path(path_, header_.number);
  const std::vector<std::byte> bytes = encode_header(header_);
  PosixFile segment(file.string() + ".new-" + fence_->owner().host + "-" + std::to_string(::getpid()),
                    PosixFile::Mode::replace);
  segment.write(bytes);
  segment.sync();
  if (!segment.publish_as(file)) return false;
  file_ = std::move(segment);
  file_bytes_ = bytes.size();
  return true;
}

void Journal::cut(const JournalTail& tail) {
  const std::vector<std::byte> bytes = read_file(tail.file);
  const fs::path copy = tail.file.string() + ".torn-" + std::to_string(last_sequence_ + 1);
  PosixFile aside(copy, PosixFile::Mode::replace);
  aside.write(std::span(bytes).subspan(tail.offset));
  aside.sync();
  sync_directory(path_);
  PosixFile file(tail.file, PosixFile::Mode::append_existing);
  file.truncate(tail.offset);
  file.sync();
  torn_tail_ = TornTail{copy, tail.file, tail.offset, bytes.size() - tail.offset};
}

std::uint64_t Journal::append(std::span<const JournalEntry> entries) {
  if (failed_) throw JournalError(path_.string() + " takes no more records after a failed write", path_, EIO);
  std::vector<std::byte> batch;
  std::uint64_t sequence = last_sequence_;
  std::uint32_t position = 0;
  for (const JournalEntry& entry : entries) {
    const std::vector<std::byte> record = encode_record({++sequence, entry.type, entry.payload, position++});
    batch.insert(batch.end(), record.begin(), record.end());
  }
  failed_ = true;
  write(batch);
  failed_ = false;
  last_sequence_ = sequence;
  return sequence;
}

void Journal::write(std::span<const std::byte> batch) {
  if (file_bytes_ >= settings_.segment_bytes) {
    ++header_.number;
    try {
      if (!begin_segment()) stop(Fence::in_use_text(path_));
      fence_->hold(header_.number);
    } catch (const InputError& error) {
      throw JournalError(error.what(), path_, EIO);
    }
  }
  file_->write(batch);
  file_->sync_data();
  file_bytes_ += batch.size();
  // Not acknowledged unless it will be read again.
  if (!file_->has_name()) stop(file_->path().string() + " was removed while the search ran");
  if (fs::exists(segment_path(path_, header_.number + 1)))
    stop(Fence::in_use_text(path_) + " (it took over from this run, which ends; nothing acknowledged is lost)");
}

void Journal::stop(const std::string& reason) const {
  throw JournalError(reason, path_, ESTALE);
}

}  // namespace pare::search
