// SPDX-License-Identifier: Apache-2.0
#include "search/store/fence.hpp"

#include <fmt/format.h>

#include <fstream>

#include "kernels/core/contract.hpp"
#include "search/store/journal_reader.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

bool names_segment(const std::string& text, std::uint64_t segment) {
  return text.find(fmt::format("\nsegment: {}\n", segment)) != std::string::npos;
}

bool is_released(const std::string& text) {
  return text.find("\nstate: released\n") != std::string::npos;
}

std::string in_use(const fs::path& journal, const std::optional<Owner>& owner) {
  return fmt::format("{} is in use by another pare{}: wait for that run, stop it, or choose another --output directory",
                     journal.string(), owner ? ", " + describe(*owner) : "");
}

}  // namespace

std::string Fence::in_use_text(const fs::path& journal) {
  const std::string text = owner_text(journal);
  const std::optional<LastWriter> last = last_writer(journal);
  return in_use(journal, parse_owner(last && !names_segment(text, last->segment) ? last->owner : text));
}

Fence::Fence(const fs::path& journal, const FenceSettings& settings)
    : journal_(journal), settings_(settings), self_(this_process()), lock_(journal / "lock", PosixFile::Mode::rewrite) {
  const PosixFile::Lock lock = lock_.try_lock();
  VALIDATE(lock != PosixFile::Lock::busy, in_use_text(journal));
  const std::optional<LastWriter> seen = last_writer(journal);
  const std::string text = owner_text(journal);
  last_segment_ = seen ? seen->segment : 0;
  if (is_over(seen, lock == PosixFile::Lock::taken)) return;
  const std::optional<Owner> owner = parse_owner(names_segment(text, seen->segment) ? text : seen->owner);
  VALIDATE(!owner || presence_of(*owner, self_) != Presence::alive, in_use(journal, owner));
  if (settings_.say) {
    settings_.say(fmt::format("{} was last written by {}; waiting up to {} s for a sign of life", journal.string(),
                              owner ? describe(*owner) : "another pare",
                              std::chrono::duration_cast<std::chrono::seconds>(settings_.stale).count()));
  }
  for (const auto end = Clock::now() + settings_.stale; Clock::now() < end;) {
    std::this_thread::sleep_for(settings_.stale / 60);
    const std::optional<LastWriter> now = last_writer(journal);
    if (owner_text(journal) == text && now && now->segment == seen->segment) continue;
    if (is_over(now, lock == PosixFile::Lock::taken)) return;
    throw InputError(in_use_text(journal));
  }
}

/// What the header of the last segment says, read without its records.
std::optional<Fence::LastWriter> Fence::last_writer(const fs::path& journal) {
  const std::vector<std::uint64_t> numbers = segment_numbers(journal);
  if (numbers.empty()) return std::nullopt;
  std::ifstream file(segment_path(journal, numbers.back()), std::ios::binary);
  std::vector<char> start(64 << 10);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  try {
    return LastWriter{numbers.back(), scan_header(std::as_bytes(std::span(start)), "").header.owner};
  } catch (const InputError&) {
    return LastWriter{numbers.back(), ""};  // read_journal says what is wrong with it
  }
}

/// Has the last writer ended, as far as can be told without waiting?
bool Fence::is_over(const std::optional<LastWriter>& last, bool locked) const {
  if (!last) return true;
  const std::string text = owner_text(journal_);
  const bool current = names_segment(text, last->segment);
  if (current && is_released(text)) return true;
  const std::optional<Owner> owner = parse_owner(current ? text : last->owner);
  if (!owner) return locked;
  // A writer under this kernel would hold the lock that we hold.
  if (locked && !owner->boot_id.empty() && owner->boot_id == self_.boot_id) return true;
  return presence_of(*owner, self_) == Presence::gone;
}

void Fence::hold(std::uint64_t segment) {
  const std::lock_guard guard(mutex_);
  segment_ = segment;
  if (owner_file_) {
    write_owner("writing");
    return;
  }
  const fs::path temporary = journal_ / fmt::format("owner.new-{}-{}", self_.host, self_.pid);
  owner_file_.emplace(temporary, PosixFile::Mode::rewrite);
  write_owner("writing");
  std::error_code error;
  fs::rename(temporary, owner_path(journal_), error);
  if (error)
    throw JournalError("cannot create " + owner_path(journal_).string() + ": " + error.message(), journal_,
                       error.value());
  heart_ = std::jthread([this](std::stop_token stop) { beat(std::move(stop)); });
}

Fence::~Fence() {
  if (!heart_.joinable()) return;
  heart_.request_stop();
  heart_.join();
  try {
    write_owner("released");
  } catch (const std::exception&) {
    // The next run finds out that this process is gone.
  }
}

void Fence::beat(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stop, settings_.heartbeat, [&] { return stop.stop_requested(); })) {
    ++heartbeat_;
    try {
      write_owner("writing");
    } catch (const std::exception&) {
      // A full disk shows where it matters, at the next record.
    }
  }
}

/// Always of one length, so that it can be written over the last.
void Fence::write_owner(const char* state) {
  const std::string text = fmt::format("{}segment: {}\nheartbeat: {:012}\nstate: {}\n{:<10}", to_text(self_), segment_,
                                       heartbeat_, state, "");
  owner_file_->rewrite(std::as_bytes(std::span(text)));
}

}  // namespace pare::search
