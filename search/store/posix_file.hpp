// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace pare::search {

/// The file system refused to keep what must be kept: the disk is full, a quota is reached, a write failed.
/// The run has to stop; everything acknowledged before is safe, and the same command continues once the cause
/// is gone. main exits with code 74.
class JournalError : public std::runtime_error {
 public:
  JournalError(const std::string& text, std::filesystem::path file, int error_number)
      : std::runtime_error(text), file_(std::move(file)), error_number_(error_number) {}

  const std::filesystem::path& file() const { return file_; }
  int error_number() const { return error_number_; }  ///< errno

 private:
  std::filesystem::path file_;
  int error_number_;
};

/// A file descriptor with an owner, for writers that care when bytes reach the disk. Not inherited by
/// programs that are started. Opening throws InputError (a path comes from the user); everything else throws
/// JournalError.
class PosixFile {
 public:
  enum class Mode {
    append_existing,  ///< writes go to the end
    create_new,       ///< the same, of a file that must not be there
    replace,          ///< the same, of a file that is emptied or made
    rewrite           ///< for rewrite() and try_lock(): made if it is not there, and left as it is
  };

  PosixFile(std::filesystem::path path, Mode mode);
  ~PosixFile();
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }

  /// Moves the file to another name of the same file system, durably, unless something has that name: false
  /// then, and the old name is gone in either case. A hard link does it; a rename would replace what is
  /// there.
  bool publish_as(const std::filesystem::path& path);

  enum class Lock { taken, busy, unsupported };
  /// Takes the lock that one process at a time can hold (flock; the kernel drops it when the process ends,
  /// however it ends). Some cluster file systems have no such lock.
  Lock try_lock();

  /// False once the last name of the file is gone: what is written to it from then on is lost.
  bool has_name() const;

  /// All of it in as few write() calls as the system allows, continued after a short write or a signal.
  void write(std::span<const std::byte> bytes);
  /// Writes from the start, in place; longer contents stay behind. EXPECTs Mode::rewrite.
  void rewrite(std::span<const std::byte> bytes);
  void truncate(std::uint64_t size);
  void sync();       ///< fsync
  void sync_data();  ///< fdatasync

 private:
  [[noreturn]] void fail(const char* action, int error_number) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// All of a file that others may be writing. Throws InputError when it cannot be read.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Makes names created, linked or renamed in a directory survive a power cut.
void sync_directory(const std::filesystem::path& directory);

}  // namespace pare::search
