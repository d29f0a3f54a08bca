// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "search/store/owner.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {

struct FenceSettings {
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds stale{60'000};           ///< an owner without a heartbeat for so long is gone
  std::function<void(const std::string&)> say = {};  ///< why it takes long
};

/// Keeps all but one process from writing a journal. Three guards, each of which holds where the others do not:
///
///   JOURNAL/lock     flock, which the kernel drops when the process ends; some cluster file systems have none
///   JOURNAL/owner    who writes, with a counter that a thread of the owner raises: read by people, and by a process
///                    that must find out whether an owner on another machine still lives
///   the segment      is made under a name that nobody has (a hard link), so that of two processes that both believe
///                    an owner gone one wins; the owner sees the next segment and stops (Journal)
///
/// Clocks of machines and times of files are never compared: an owner is gone when its counter stood still for `stale`
/// on the clock of the one who waits.
class Fence {
 public:
  /// Returns once nobody else writes the journal, which may have no segment yet. Throws InputError naming the owner when
  /// it is alive.
  Fence(const std::filesystem::path& journal, const FenceSettings& settings);
  /// Says that the owner has gone in peace.
  ~Fence();
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

  const Owner& owner() const { return self_; }
  /// The segment after which this process may write, 0: there is none. If there is a later one by now, another process
  /// was faster.
  std::uint64_t last_segment() const { return last_segment_; }

  /// "runs/x/journal is in use by another pare, pid 4711 on host node7 since ...: wait for that run, ..."
  static std::string in_use_text(const std::filesystem::path& journal);

  /// This process now writes `segment`: the owner file says so, and the counter starts with the first.
  void hold(std::uint64_t segment);

 private:
  struct LastWriter {
    std::uint64_t segment = 0;
    std::string owner;  ///< to_text
  };

  static std::optional<LastWriter> last_writer(const std::filesystem::path& journal);
  bool is_over(const std::optional<LastWriter>& last, bool locked) const;
  void beat(std::stop_token stop);
  void write_owner(const char* state);

  std::filesystem::path journal_;
  FenceSettings settings_;
  Owner self_;
  PosixFile lock_;
  std::optional<PosixFile> owner_file_;
  std::uint64_t last_segment_ = 0;
  std::uint64_t segment_ = 0;
  std::uint64_t heartbeat_ = 0;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread heart_;
};

}  // namespace pare::search
