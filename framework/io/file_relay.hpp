// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/comm/channel.hpp"
#include "framework/io/node_directory.hpp"
#include "framework/io/temporary_file.hpp"

namespace pare::framework {

/// One node's part in bringing files to all nodes: a tree of relays, each with a line to the one above (none at the
/// root) and to those below. A file travels in chunks of 8 MiB, at most four of them unanswered on a line, so a relay
/// holds no more than that in memory, and a large file flows through the whole tree at once. The copy gets its name
/// when its hash (XXH3-128) is right; a relay that has a copy of this hash already is sent nothing.
///
///   above -> below   directory <path>, begin <size, hash, name>, chunk <bytes>
///   below -> above   wants <yes or no> after begin, got after each chunk, done <error or nothing> after all
///
/// Used by one thread, the one that owns the lines. What comes from a line is checked.
class FileRelay {
 public:
  /// host: for errors. above: null at the root. on_wait is called many times a second while
  /// the root waits, with 1 when a chunk has gone out since, else 0.
  FileRelay(
      std::string host, std::unique_ptr<Channel> above, std::vector<std::unique_ptr<Channel>> below,
      std::function<void(std::size_t)> on_wait = [](std::size_t) {});
  ~FileRelay();

  /// Root: makes the run's directory on every node (NodeDirectory).
  void open(const std::filesystem::path& directory);
  /// Root: brings the file to every node; returns its path there. name: relative to the directory, "a" or "a/b". Throws
  /// InputError naming host, file and reason (no room, damaged on the way), std::runtime_error when a node is silent.
  std::filesystem::path send(const std::filesystem::path& source, const std::string& name);

  /// Not the root: does what has been asked for as far as messages are here, and returns; never waits for one. True if
  /// there was anything to do.
  bool step();
  /// Not the root: in the middle of a file.
  bool busy() const { return state_ != State::idle; }

 private:
  enum class State { idle, asking, streaming, finishing };
  struct Below {
    std::unique_ptr<Channel> line;
    bool asked = false;  ///< whether it wants the file, and has not answered yet
    bool wants = false;
    bool finished = false;
    int unanswered = 0;  ///< chunks
  };

  bool step_above();
  bool step_below();
  void start(State state, bool asked, const std::vector<std::byte>& message);
  void begin_directory(const std::filesystem::path& path);
  void begin_file(std::int64_t size, std::string hash, std::string name);
  void take_chunk(std::span<const std::byte> chunk);
  void proceed();
  void wait_until_idle(const std::string& what);

  std::filesystem::path target() const;
  bool has_copy() const;
  void create_copy();
  void finish_copy();
  void fail_copy(const std::string& reason);

  std::string host_;
  std::unique_ptr<Channel> above_;
  std::vector<Below> below_;
  std::function<void(std::size_t)> on_wait_;
  std::optional<NodeDirectory> directory_;

  State state_ = State::idle;
  std::int64_t size_ = 0;
  std::int64_t taken_ = 0;
  std::string hash_;
  std::string name_;
  std::string error_;  ///< the first of this node and those below
  std::optional<TemporaryFile> copy_;
  int descriptor_ = -1;  ///< of the copy while it is written
};

}  // namespace pare::framework
