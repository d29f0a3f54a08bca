// SPDX-License-Identifier: Apache-2.0
#include "fault_shim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <random>
#include <utility>

#include "scratch_directory.hpp"

// NOLINTBEGIN: the names are the linker's
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_write(int descriptor, const void* bytes, size_t size);
ssize_t __real_pwrite(int descriptor, const void* bytes, size_t size, off_t offset);
int __real_fsync(int descriptor);
int __real_fdatasync(int descriptor);
int __real_ftruncate(int descriptor, off_t size);
int __real_link(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_flock(int descriptor, int operation);
}
// NOLINTEND

namespace pare::test {
namespace fault_shim {
namespace {

using Kind = Operation::Kind;

bool recording = false;
std::vector<Operation> operations;
std::map<int, int> inode_of_descriptor;
std::map<std::string, int> inode_of_path;
int inodes = 0;
int calls_until_fault = 0;
Fault fault = Fault::error;
int fault_error = 0;
bool fault_came = false;
bool locks_missing = false;

/// Whether this call is the one to fail, or comes after it.
bool fails_now() {
  if (fault_came) return fault == Fault::error;
  if (calls_until_fault == 0 || --calls_until_fault > 0) return false;
  fault_came = true;
  return true;
}

/// For calls that a full or broken disk refuses.
bool refuse() {
  if (!fails_now()) return false;
  errno = fault == Fault::interrupted ? EINTR : fault_error;
  return fault != Fault::short_write;
}

std::string name_in(const char* path) {
  return std::filesystem::path(path).filename();
}

void record(Operation operation) {
  if (recording) operations.push_back(std::move(operation));
}

}  // namespace

void start_recording() {
  recording = true;
  operations.clear();
  inode_of_descriptor.clear();
  inode_of_path.clear();
}
const std::vector<Operation>& recorded() {
  return operations;
}
void stop_recording() {
  recording = false;
}

void fail_call(int n, Fault kind, int error_number) {
  calls_until_fault = n;
  fault = kind;
  fault_error = error_number;
  fault_came = false;
}

bool stop_failing() {
  calls_until_fault = 0;
  return std::exchange(fault_came, false);
}

void without_locks(bool missing) {
  locks_missing = missing;
}

}  // namespace fault_shim

namespace {

using fault_shim::Operation;
using Kind = Operation::Kind;

}  // namespace

CrashedDirectory::CrashedDirectory(const std::vector<Operation>& all, std::size_t operations, std::size_t cut) {
  for (std::size_t i = 0; i < operations; ++i) {
    const Operation& operation = all[i];
    const bool syncs_names = operation.kind == Kind::sync_directory;
    if (syncs_names || operation.kind == Kind::sync) {
      for (Change& change : changes_) {
        const Kind kind = change.operation.kind;
        const bool is_name = kind == Kind::create || kind == Kind::link || kind == Kind::unlink;
        if (syncs_names ? is_name : !is_name && change.operation.inode == operation.inode) change.synced = true;
      }
      continue;
    }
    changes_.push_back({operation, false});
  }
  if (operations < all.size() && all[operations].kind == Kind::write && cut > 0) {
    Operation part = all[operations];
    part.bytes.resize(std::min(cut, part.bytes.size()));
    changes_.push_back({std::move(part), false});
  }
}

void CrashedDirectory::lose_unsynced(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Change> kept;
  for (Change& change : changes_) {
    const std::uint64_t fate = change.synced ? 0 : random() % 3;
    if (fate == 1) continue;
    if (fate == 2 && change.operation.kind == Kind::write) {
      std::vector<std::byte>& bytes = change.operation.bytes;
      for (std::size_t sector = 0; sector < bytes.size(); sector += 512) {
        if (random() % 2 == 0) continue;
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(sector);
        std::fill(begin, begin + static_cast<std::ptrdiff_t>(std::min<std::size_t>(512, bytes.size() - sector)),
                  std::byte{0});
      }
    }
    kept.push_back(std::move(change));
  }
  changes_ = std::move(kept);
}

void CrashedDirectory::write_to(const std::filesystem::path& directory) const {
  std::map<int, std::vector<std::byte>> files;
  std::map<std::string, int> names;
  for (const Change& change : changes_) {
    const Operation& operation = change.operation;
    std::vector<std::byte>& file = files[operation.inode];
    switch (operation.kind) {
      case Kind::create:
      case Kind::link:
        names[operation.name] = operation.inode;
        break;
      case Kind::unlink:
        names.erase(operation.name);
        break;
      case Kind::write:
        file.insert(file.end(), operation.bytes.begin(), operation.bytes.end());
        break;
      case Kind::truncate:
        file.resize(operation.size);
        break;
      case Kind::sync:
      case Kind::sync_directory:
        break;
    }
  }
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  for (const auto& [name, inode] : names) write_bytes(directory / name, files[inode]);
}

}  // namespace pare::test

using namespace pare::test::fault_shim;
using Kind = Operation::Kind;

// NOLINTBEGIN: the names are the linker's
extern "C" {

int __wrap_open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0 && refuse()) return -1;
  const int descriptor = __real_open(path, flags, mode);
  if (descriptor < 0 || !recording) return descriptor;
  inode_of_descriptor.erase(descriptor);
  if ((flags & O_DIRECTORY) != 0) inode_of_descriptor[descriptor] = 0;
  if ((flags & O_APPEND) == 0) return descriptor;
  int& inode = inode_of_path[path];
  if (inode == 0) inode = ++inodes;
  inode_of_descriptor[descriptor] = inode;
  if ((flags & (O_TRUNC | O_EXCL)) != 0) record({.kind = Kind::create, .inode = inode, .name = name_in(path)});
  return descriptor;
}

ssize_t __wrap_write(int descriptor, const void* bytes, size_t size) {
  if (fails_now()) {
    if (fault != Fault::short_write) {
      errno = fault == Fault::interrupted ? EINTR : fault_error;
      return -1;
    }
    size = (size + 1) / 2;
  }
  const ssize_t count = __real_write(descriptor, bytes, size);
  const auto inode = inode_of_descriptor.find(descriptor);
  if (count > 0 && recording && inode != inode_of_descriptor.end()) {
    const auto* begin = static_cast<const std::byte*>(bytes);
    record({.kind = Kind::write, .inode = inode->second, .bytes = {begin, begin + count}});
  }
  return count;
}

ssize_t __wrap_pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  if (refuse()) return -1;
  return __real_pwrite(descriptor, bytes, size, offset);
}

static int sync_with(int (*real)(int), int descriptor) {
  if (refuse()) return -1;
  const int status = real(descriptor);
  const auto inode = inode_of_descriptor.find(descriptor);
  if (recording && inode != inode_of_descriptor.end())
    record({.kind = inode->second == 0 ? Kind::sync_directory : Kind::sync, .inode = inode->second});
  return status;
}

int __wrap_fsync(int descriptor) {
  return sync_with(__real_fsync, descriptor);
}
int __wrap_fdatasync(int descriptor) {
  return sync_with(__real_fdatasync, descriptor);
}

int __wrap_ftruncate(int descriptor, off_t size) {
  if (refuse()) return -1;
  const auto inode = inode_of_descriptor.find(descriptor);
  if (recording && inode != inode_of_descriptor.end())
    record({.kind = Kind::truncate, .inode = inode->second, .size = static_cast<std::size_t>(size)});
  return __real_ftruncate(descriptor, size);
}

int __wrap_link(const char* from, const char* to) {
  if (refuse()) return -1;
  const int status = __real_link(from, to);
  if (status == 0 && recording) {
    inode_of_path[to] = inode_of_path[from];
    record({.kind = Kind::link, .inode = inode_of_path[from], .name = name_in(to)});
  }
  return status;
}

int __wrap_unlink(const char* path) {
  if (recording) {
    inode_of_path.erase(path);
    record({.kind = Kind::unlink, .name = name_in(path)});
  }
  return __real_unlink(path);
}

int __wrap_flock(int descriptor, int operation) {
  if (!locks_missing) return __real_flock(descriptor, operation);
  errno = ENOSYS;
  return -1;
}

}  // extern "C"
// NOLINTEND
