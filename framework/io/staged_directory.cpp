// SPDX-License-Identifier: Apache-2.0
#include "framework/io/staged_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include <fmt/core.h>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

void synchronize(const fs::path& path, const fs::path& target) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool sound = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  VALIDATE(sound, target.string(), ": cannot be written to the disk (", system_reason(error), ")");
}

fs::path hidden_name(const fs::path& target, const char* suffix) {
  std::random_device random;
  return target.parent_path() / fmt::format(".{}.{:08x}{}", target.filename().string(), random(), suffix);
}

void move(const fs::path& from, const fs::path& to, const fs::path& target) {
  std::error_code error;
  fs::rename(from, to, error);
  VALIDATE(!error, target.string(), ": cannot be put in place (", error.message(), ")");
}

}  // namespace

StagedDirectory::StagedDirectory(const fs::path& target) : target_(fs::absolute(target).lexically_normal()) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "results/" means "results"
  const fs::path path = hidden_name(target_, ".tmp");
  std::error_code error;
  fs::create_directories(target_.parent_path(), error);
  if (!error) fs::create_directory(path, error);
  VALIDATE(!error, target.string(), ": cannot be created (", error.message(), ")");
  path_ = path;
}

StagedDirectory::~StagedDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void StagedDirectory::commit() {
  EXPECT(!path_.empty(), target_.string(), " was committed before");
  for (const auto& entry : fs::directory_iterator(path_)) synchronize(entry.path(), target_);
  synchronize(path_, target_);
  const bool replaces = fs::exists(target_);
  const fs::path old = hidden_name(target_, ".old");
  if (replaces) move(target_, old, target_);
  move(path_, target_, target_);
  path_.clear();
  synchronize(target_.parent_path(), target_);
  std::error_code ignored;
  if (replaces) fs::remove_all(old, ignored);
}

}  // namespace pare::framework
