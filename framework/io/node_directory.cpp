// SPDX-License-Identifier: Apache-2.0
#include "framework/io/node_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = ".lock";

/// The open lock file of a directory, or -1 and errno.
int open_lock(const fs::path& directory, int flags) {
  return ::open((directory / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

/// In a place where anybody may write, a directory of that name may be somebody else's.
bool is_own_directory(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

}  // namespace

NodeDirectory::NodeDirectory(const fs::path& path) : path_(path) {
  // Several leaders on one machine may share the directory; one may remove it while the other arrives.
  for (int attempt = 0; lock_ < 0 && attempt < 10; ++attempt) {
    const int made = ::mkdir(path.c_str(), 0700) == 0 ? 0 : errno;
    VALIDATE(made == 0 || made == EEXIST, path.string(), ": cannot be made (", system_reason(made), ")");
    VALIDATE(is_own_directory(path), path.string(), ": is in the way, it is no directory of this user");
    lock_ = open_lock(path, O_CREAT);
    VALIDATE(lock_ >= 0 || errno == ENOENT, path.string(), ": is not writable (", system_reason(errno), ")");
    if (lock_ >= 0) ::flock(lock_, LOCK_SH);
  }
  VALIDATE(lock_ >= 0, path.string(), ": disappears as soon as it is made");
  clear_abandoned();
}

NodeDirectory::~NodeDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(lock_);
}

std::int64_t NodeDirectory::free_bytes() const {
  struct statvfs status {};
  VALIDATE(::statvfs(path_.c_str(), &status) == 0, path_.string(), ": cannot be examined (", system_reason(errno), ")");
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

void NodeDirectory::clear_abandoned() const {
  const std::string name = path_.filename().string();
  const std::string prefix = name.substr(0, name.find('-') + 1);
  if (prefix.empty()) return;
  const fs::path place = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(place, error)) {
    const std::string other = entry.path().filename().string();
    if (!other.starts_with(prefix) || other == name || !is_own_directory(entry.path())) continue;
    const int lock = open_lock(entry.path(), 0);
    if (lock < 0) continue;
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), error);
    ::close(lock);
  }
}

}  // namespace pare::framework
