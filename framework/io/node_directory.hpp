// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace pare::framework {

/// A run's directory for copies of files on one node, usually in /dev/shm: made, locked against being cleared by other
/// runs, and removed with all that is in it by the destructor. Only this user can read it.
///
/// What a killed run left behind is of use to the next start of the same run, which finds the directory again, and is
/// cleared by any other run of this user on the node: `<prefix>-*` beside `path` that nobody has locked.
class NodeDirectory {
 public:
  /// path: <place>/<prefix>-<name of the run>, the prefix without '-'. Throws InputError naming path and reason.
  explicit NodeDirectory(const std::filesystem::path& path);
  ~NodeDirectory();
  NodeDirectory(const NodeDirectory&) = delete;
  NodeDirectory& operator=(const NodeDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Bytes that may still be written here.
  std::int64_t free_bytes() const;

 private:
  void clear_abandoned() const;

  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace pare::framework
