// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "kernels/core/contract.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".bin";

[[noreturn]] void refuse(const fs::path& file, const std::string& damage) {
  throw InputError(
      fmt::format("{} is damaged{}; `pare journal repair {}` keeps all sound records and says what is lost",
                  file.string(), damage, file.parent_path().parent_path().string()));
}

/// Puts the segments of a journal together.
class Assembly {
 public:
  explicit Assembly(const std::vector<Segment>& segments) : segments_(segments) {}

  JournalContents run() {
    for (std::size_t s = 0; s < segments_.size(); ++s) take(s);
    if (!segments_.empty()) {
      contents_.last = segments_.back().header->header;
      contents_.last_bytes = segments_.back().bytes;
    }
    return std::move(contents_);
  }

 private:
  std::uint64_t next() const { return contents_.records.size() + 1; }

  /// The first segment with a record behind segment `s`.
  const Segment* following(std::size_t s) const {
    const auto found = std::find_if(segments_.begin() + static_cast<std::ptrdiff_t>(s) + 1, segments_.end(),
                                    [](const Segment& segment) { return !segment.scan.records.empty(); });
    return found == segments_.end() ? nullptr : &*found;
  }

  /// The sequence that a segment begins with, also when a power cut took the start of its first batch.
  static std::uint64_t begin_of(const Segment& segment) { return segment.scan.records.front().batch(); }

  void take(std::size_t s) {
    const Segment& segment = segments_[s];
    const Segment* const behind = following(s);
    for (std::size_t r = 0; r < segment.scan.records.size(); ++r) {
      const JournalRecord& record = segment.scan.records[r];
      if (behind != nullptr && record.sequence >= begin_of(*behind)) break;
      if (!segment.scan.gaps.empty() && segment.scan.gaps.front().offset < segment.scan.offsets[r]) {
        // What a power cut left of the last batch was no more acknowledged than what it took.
        if (behind != nullptr || segment.scan.records.back().batch() > next())
          refuse_gap(segment, segment.scan.gaps.front());
        break;
      }
      if (record.sequence != next()) {
        refuse(segment.file, fmt::format(" at byte {}: record {} follows record {}", segment.scan.offsets[r],
                                         record.sequence, next() - 1));
      }
      contents_.records.push_back(record);
    }
    if (behind != nullptr && next() < begin_of(*behind)) refuse_missing(segment, *behind);
    if (behind == nullptr && !segment.scan.gaps.empty())
      contents_.tail = {segment.file, segment.scan.gaps.front().offset,
                        segment.bytes - segment.scan.gaps.front().offset};
  }

  [[noreturn]] void refuse_gap(const Segment& segment, const Gap& gap) const {
    refuse(segment.file,
           fmt::format(" at byte {}, where {} bytes are no record, although sound records follow at byte {}",
                       gap.offset, gap.bytes, gap.offset + gap.bytes));
  }

  [[noreturn]] void refuse_missing(const Segment& segment, const Segment& behind) const {
    if (!segment.scan.gaps.empty()) refuse_gap(segment, segment.scan.gaps.front());
    if (!behind.scan.gaps.empty()) refuse_gap(behind, behind.scan.gaps.front());
    refuse(segment.file,
           fmt::format(" at byte {}, its end: record {} is missing, although {} begins with record {}", segment.bytes,
                       next(), behind.file.filename().string(), behind.scan.records.front().sequence));
  }

  const std::vector<Segment>& segments_;
  JournalContents contents_;
};

}  // namespace

fs::path segment_path(const fs::path& journal, std::uint64_t number) {
  return journal / fmt::format("{:06}{}", number, suffix);
}

std::vector<std::uint64_t> segment_numbers(const fs::path& journal) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(journal, error)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failure == std::errc() && std::string_view(end) == suffix && segment_path(journal, number) == entry.path())
      numbers.push_back(number);
  }
  VALIDATE(!error || error == std::errc::no_such_file_or_directory, "cannot read the directory ", journal.string(),
           ": ", error.message());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Segment read_segment(const fs::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  Segment segment{.file = file, .header = {}, .header_error = {}, .scan = {}, .bytes = bytes.size()};
  try {
    segment.header = scan_header(bytes, file.string());
  } catch (const InputError& error) {
    segment.header_error = error.what();
  }
  segment.scan = scan_records(bytes, segment.header ? segment.header->bytes : 0);
  return segment;
}

JournalContents read_journal(const fs::path& journal) {
  std::vector<Segment> segments;
  for (const std::uint64_t number : segment_numbers(journal)) {
    const fs::path expected = segment_path(journal, segments.size() + 1);
    if (number != segments.size() + 1)
      refuse(expected, fmt::format(": it is missing, although {:06}{} is there", number, suffix));
    segments.push_back(read_segment(expected));
    const Segment& segment = segments.back();
    VALIDATE(segment.header.has_value(), segment.header_error);
    const SegmentHeader& header = segment.header->header;
    const std::string& run = segments.front().header->header.journal.run;
    if (header.number != number || header.journal.run != run)
      refuse(expected, fmt::format(": it is segment {} of run {}, not segment {} of run {}", header.number,
                                   header.journal.run, number, run));
  }
  return Assembly(segments).run();
}

}  // namespace pare::search
