// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace pare::test {

/// A file or directory among the real models and texts that tests use when PARE_TEST_DATA names them.
inline std::filesystem::path test_data(const std::string& name) {
  const char* directory = std::getenv("PARE_TEST_DATA");
  return std::filesystem::path(directory == nullptr ? "" : directory) / name;
}

}  // namespace pare::test

/// Ends the test, with the reason, where the data is not there.
#define PARE_SKIP_WITHOUT(path)       \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << (path).string() << " is not there, PARE_TEST_DATA should name the test data"
