// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace pare::framework {

/// A new directory beside `target`, which becomes `target` with commit() and is removed with all that is in it otherwise:
/// a reader sees the old directory, or the whole new one. Between the two renames that replace an old directory there is
/// an instant without either; a kill just then leaves both under hidden names beside it.
///
/// Throws InputError naming the target when the directory cannot be made or put in place. Used by one thread.
class StagedDirectory {
 public:
  explicit StagedDirectory(const std::filesystem::path& target);
  ~StagedDirectory();
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& target() const { return target_; }

  /// Brings all files to the disk, and replaces what lies at `target`.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;  ///< empty: nothing to remove
};

}  // namespace pare::framework
