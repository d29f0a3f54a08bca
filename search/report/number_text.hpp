// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "search/objective/statistics.hpp"

namespace pare::search {

/// 1234567 as "1,234,567".
std::string grouped(std::int64_t value);

/// Four digits behind the point; a model with too much taken away guesses, and its perplexity has no end.
std::string perplexity_text(double perplexity);

/// "0.02516 +- 0.000639"; "failed" where a mean is not finite, since something could not be measured.
std::string estimate_text(const Estimate& estimate, std::string_view plus_minus = "+-");

}  // namespace pare::search
