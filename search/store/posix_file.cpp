// SPDX-License-Identifier: Apache-2.0
#include "search/store/posix_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

std::string describe(int error_number) {
  return std::generic_category().message(error_number);
}

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int flags_of(PosixFile::Mode mode) {
  switch (mode) {
    case PosixFile::Mode::append_existing:
      return O_APPEND;
    case PosixFile::Mode::create_new:
      return O_APPEND | O_CREAT | O_EXCL;
    case PosixFile::Mode::replace:
      return O_APPEND | O_CREAT | O_TRUNC;
    case PosixFile::Mode::rewrite:
      return O_CREAT;
  }
  return 0;
}

/// Fills `bytes` from the start of the file; returns how many there were, or -1.
ssize_t read_from_start(int descriptor, std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count =
        retry([&] { return ::pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done)); });
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

PosixFile::PosixFile(std::filesystem::path path, Mode mode) : path_(std::move(path)) {
  descriptor_ = retry([&] { return ::open(path_.c_str(), O_RDWR | O_CLOEXEC | flags_of(mode), 0666); });
  const int error_number = errno;
  VALIDATE(descriptor_ >= 0, "cannot open ", path_.string(), " for writing: ", describe(error_number));
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

bool PosixFile::publish_as(const std::filesystem::path& path) {
  int status = retry([&] { return ::link(path_.c_str(), path.c_str()); });
  const int error_number = errno;
  // A network file system may have made the link before its answer was lost: the number of names tells.
  struct stat file {};
  if (status != 0 && ::fstat(descriptor_, &file) == 0 && file.st_nlink > 1) status = 0;
  ::unlink(path_.c_str());
  if (status != 0 && error_number == EEXIST) return false;
  VALIDATE(status == 0, "cannot create ", path.string(), ": ", describe(error_number));
  path_ = path;
  sync_directory(path.parent_path());
  return true;
}

PosixFile::Lock PosixFile::try_lock() {
  if (retry([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) == 0) return Lock::taken;
  if (errno == EWOULDBLOCK) return Lock::busy;
  if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK || errno == EINVAL) return Lock::unsupported;
  fail("lock", errno);
}

bool PosixFile::has_name() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail("look at", errno);
  return status.st_nlink > 0;
}

void PosixFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = retry([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
    if (count < 0) fail("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void PosixFile::rewrite(std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = retry(
        [&] { return ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done)); });
    if (count < 0) fail("write", errno);
    done += static_cast<std::size_t>(count);
  }
}

void PosixFile::truncate(std::uint64_t size) {
  if (retry([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0) fail("truncate", errno);
}

void PosixFile::sync() {
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail("fsync", errno);
}

void PosixFile::sync_data() {
  if (retry([&] { return ::fdatasync(descriptor_); }) != 0) fail("fdatasync", errno);
}

void PosixFile::fail(const char* action, int error_number) const {
  throw JournalError(
      pare::detail::concatenate("cannot ", action, " ", path_.string(), ": ", describe(error_number),
                                "; what was acknowledged before is kept, make room and run the same command again"),
      path_, error_number);
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const int descriptor = retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  VALIDATE(descriptor >= 0, "cannot open ", path.string(), ": ", describe(errno));
  struct stat status {};
  std::vector<std::byte> bytes;
  ssize_t count = -1;
  if (::fstat(descriptor, &status) == 0) {
    bytes.resize(static_cast<std::size_t>(status.st_size));
    count = read_from_start(descriptor, bytes);
  }
  const int error_number = errno;
  ::close(descriptor);
  VALIDATE(count >= 0, "cannot read ", path.string(), ": ", describe(error_number));
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const int descriptor = retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  const int error_number = errno;
  VALIDATE(descriptor >= 0, "cannot open directory ", path.string(), ": ", describe(error_number));
  const int status = retry([&] { return ::fsync(descriptor); });
  const int sync_error = errno;
  ::close(descriptor);
  // Some network file systems cannot sync a directory and say so with EINVAL; there is nothing more to do
  // there.
  if (status != 0 && sync_error != EINVAL)
    throw JournalError(pare::detail::concatenate("cannot fsync directory ", path.string(), ": ", describe(sync_error)),
                       path, sync_error);
}

}  // namespace pare::search
