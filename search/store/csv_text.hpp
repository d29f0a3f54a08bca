// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

/// Cells of the CSV files that pare writes.
namespace pare::search::csv {

/// In quotes where it must be.
inline std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char letter : text) result += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return result + "\"";
}

/// With so many digits that reading gives the same number; empty: NaN.
inline std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

}  // namespace pare::search::csv
