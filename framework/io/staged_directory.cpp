// SPDX-License-Identifier: Apache-2.0
#include "framework/io/staged_directory.hpp"

#include <system_error>

#include "framework/io/place_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

namespace fs = std::filesystem;

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
  if (replaces) put_in_place(target_, old, target_);
  put_in_place(path_, target_, target_);
  path_.clear();
  synchronize(target_.parent_path(), target_);
  std::error_code ignored;
  if (replaces) fs::remove_all(old, ignored);
}

}  // namespace pare::framework
