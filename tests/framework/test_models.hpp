// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace pare::test {

/// The model that comes with the sources.
inline std::filesystem::path demo_model() {
  const char* source = std::getenv("PARE_SOURCE_DIR");
  return std::filesystem::path(source == nullptr ? "." : source) / "configs/quickstart/model";
}

/// A file or directory of the downloaded test data, if it is there.
inline std::optional<std::filesystem::path> test_data(const std::string& name) {
  const char* data = std::getenv("PARE_TEST_DATA");
  if (data == nullptr || !std::filesystem::exists(std::filesystem::path(data) / name)) return std::nullopt;
  return std::filesystem::path(data) / name;
}

}  // namespace pare::test
