// SPDX-License-Identifier: Apache-2.0
#include "framework/io/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <utility>

#include <fmt/core.h>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// Makes what was written to `path` survive a power loss. Returns 0 or errno.
int synchronize(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

}  // namespace

TemporaryFile::TemporaryFile(const fs::path& target) : target_(target) {
  std::random_device random;
  int descriptor = -1;
  while (descriptor < 0) {
    const fs::path name = fmt::format(".{}.{:08x}{:08x}.tmp", target.filename().string(), random(), random());
    path_ = directory_of(target) / name;
    descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno != EEXIST) {
      const int error = errno;
      path_.clear();
      throw InputError(fmt::format("{}: cannot be created in the directory {} ({})", target.string(),
                                   directory_of(target).string(), system_reason(error)));
    }
  }
  ::close(descriptor);
}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(path_, other.path_);
  return *this;
}

void TemporaryFile::commit() {
  EXPECT(!path_.empty(), target_.string(), " was committed before");
  if (const int error = synchronize(path_, 0)) {
    throw InputError(target_.string() + ": cannot be written to the disk (" + system_reason(error) + ")");
  }
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    throw InputError(target_.string() + ": cannot be put in place (" + system_reason(errno) + ")");
  }
  path_.clear();
  if (const int error = synchronize(directory_of(target_), O_DIRECTORY)) {
    throw InputError(target_.string() + ": its directory cannot be written to the disk (" + system_reason(error) + ")");
  }
}

}  // namespace pare::framework
