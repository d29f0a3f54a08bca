// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pare::test {

/// Stands between the store and the system: the linker gives the store's calls of open, write, pwrite, fsync, fdatasync,
/// ftruncate, link, unlink and flock to these functions first (--wrap). They can write down what reaches the file system,
/// and make the n-th call fail. One test at a time, one thread.
namespace fault_shim {

struct Operation {
  enum class Kind { create, write, truncate, link, unlink, sync, sync_directory };
  Kind kind;
  int inode = 0;                      ///< of create, write, truncate, link, sync
  std::string name = {};              ///< within its directory: of create, link, unlink
  std::vector<std::byte> bytes = {};  ///< of write, which goes to the end
  std::size_t size = 0;               ///< of truncate
};

/// From now on, for files that are opened for appending.
void start_recording();
/// What reached the file system so far.
const std::vector<Operation>& recorded();
void stop_recording();

enum class Fault { error, short_write, interrupted };
/// The n-th call from now on (1: the next) fails with `error_number`, writes half of what it should, or is interrupted
/// by a signal. Errors of writing and syncing last, as those of full or broken disks do.
void fail_call(int n, Fault fault, int error_number);
/// Whether that call has come; no further faults.
bool stop_failing();

/// flock says that the file system has no locks.
void without_locks(bool missing);

}  // namespace fault_shim

/// A directory after a power cut: what was synced is there, of the rest anything may be missing.
class CrashedDirectory {
 public:
  /// After the first `operations` of them. `cut`: so many bytes of the next operation, a write, came through.
  CrashedDirectory(const std::vector<fault_shim::Operation>& all, std::size_t operations, std::size_t cut);

  /// Drops unsynced writes (also in single sectors of 512 bytes, which are zero then), truncations and names by chance.
  void lose_unsynced(std::uint64_t seed);

  void write_to(const std::filesystem::path& directory) const;

 private:
  struct Change {
    fault_shim::Operation operation;
    bool synced = false;
  };
  std::vector<Change> changes_;
};

}  // namespace pare::test
