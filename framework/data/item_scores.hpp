// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/data/token_windows.hpp"

namespace pare::framework {

/// What becomes of items, one value each.
struct ItemScores {
  std::vector<double> wrong;  ///< 0 or 1
  std::vector<double> kl;     ///< mean over the tokens of all choices, nats a token
  std::vector<double> nll;    ///< mean over the tokens of the right choice
};

/// Scores the items from number `begin` on, by the means over the scored words of each of their rows: `kl` and `nll` are
/// [items, rows]. The answer is the choice with the highest scaled log-likelihood, the first of equals, as the field's
/// evaluation harness has it.
ItemScores score_items(const TokenWindows& items, std::int64_t begin, std::span<const double> kl,
                       std::span<const double> nll);

}  // namespace pare::framework
