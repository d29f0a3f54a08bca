// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace pare::search {

/// 1234567 as "1,234,567".
std::string grouped(std::int64_t value);

/// Four digits behind the point; a model with too much taken away guesses, and its perplexity has no end.
std::string perplexity_text(double perplexity);

}  // namespace pare::search
