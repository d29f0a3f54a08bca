// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace pare::framework {

/// A new, empty file beside `target`, which becomes `target` with commit() and is removed otherwise. So a
/// reader of `target` sees the old file or the whole new one, also after a kill or a power loss:
///
///   TemporaryFile file("run.h5");   // creates .run.h5.3f2a9c81d07e5b46.tmp
///   ... write file.path(), close ...
///   file.commit();                  // fsync, rename, fsync of the directory
///
/// Throws InputError naming the target when the file cannot be created or put in place. Movable, used by one
/// thread.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target);
  ~TemporaryFile();
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& target() const { return target_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;  ///< empty: nothing to remove
};

}  // namespace pare::framework
