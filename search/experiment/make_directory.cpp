// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/make_directory.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "search/experiment/failure.hpp"

namespace pare::search {

void make_directory(const std::filesystem::path& directory, const std::string& key) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!std::filesystem::is_directory(directory)) {
    throw OutputError(key + ": cannot create the directory " + directory.string() + " (" +
                      (error ? error.message() : "a file of that name is in the way") + ")");
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    throw OutputError(key + ": the directory " + directory.string() + " is not writable (" + std::strerror(errno) +
                      ")");
  }
}

}  // namespace pare::search
