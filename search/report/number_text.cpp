// SPDX-License-Identifier: Apache-2.0
#include "search/report/number_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace pare::search {

std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first_digit = value < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > first_digit + 3;) text.insert(place -= 3, 1, ',');
  return text;
}

std::string perplexity_text(double perplexity) {
  return perplexity < 1e5 ? fmt::format("{:.4f}", perplexity) : fmt::format("{:.3e}", perplexity);
}

std::string estimate_text(const Estimate& estimate, std::string_view plus_minus) {
  if (!std::isfinite(estimate.mean)) return "failed";
  return fmt::format("{:.5f} {} {:.6f}", estimate.mean, plus_minus, estimate.stderr_of_mean);
}

}  // namespace pare::search
