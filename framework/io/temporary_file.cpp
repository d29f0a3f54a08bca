// SPDX-License-Identifier: Apache-2.0
#include "framework/io/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "framework/io/place_file.hpp"
#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

}  // namespace

TemporaryFile::TemporaryFile(const fs::path& target) : target_(target) {
  int descriptor = -1;
  while (descriptor < 0) {
    path_ = hidden_name(target, ".tmp");
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
  synchronize(path_, target_);
  put_in_place(path_, target_, target_);
  path_.clear();
  synchronize(directory_of(target_), target_);
}

}  // namespace pare::framework
