// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_image.hpp"

#include <filesystem>

#include "framework/io/atomic_file.hpp"
#include "framework/io/temporary_file.hpp"
#include "search/store/posix_file.hpp"
#include "search/store/run_file.hpp"

namespace pare::search {
namespace {

/// Removed with the object.
framework::TemporaryFile scratch_file() {
  return framework::TemporaryFile(std::filesystem::temp_directory_path() / "pare-run-image");
}

}  // namespace

std::vector<std::byte> run_image(RunRecord record) {
  record.trials.clear();
  const framework::TemporaryFile file = scratch_file();
  write_run_file(file.path(), record);
  return read_file(file.path());
}

RunRecord read_run_image(std::span<const std::byte> image) {
  const framework::TemporaryFile file = scratch_file();
  framework::write_file_atomically(file.path(), {reinterpret_cast<const char*>(image.data()), image.size()});
  return read_run_file(file.path());
}

}  // namespace pare::search
