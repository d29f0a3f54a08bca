// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "search/space/search_space.hpp"

namespace pare::search {

/// What a recipe may cost: a set of linear rows, each the sum of one exact cost over the sites and a limit on it. Bytes
/// are always a row, the others are those of SearchSpace::measures.
struct Budget {
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  Budget() = default;
  Budget(std::int64_t most_bytes) : bytes(most_bytes) {}  // NOLINT: a number of bytes is a budget of bytes alone

  std::int64_t bytes = unlimited;
  std::vector<std::int64_t> limits;  ///< one a measure of the space, in its units; may be unlimited. Empty: bytes alone
  Recipe fitting;  ///< where `limits` is not empty: one recipe that fits, which the smallest one need not

  /// Is any row besides the bytes limited?
  bool has_more_rows() const;
  bool fits(const SearchSpace& space, const Recipe& recipe) const;
  /// A recipe that fits whenever one is known to: `fitting`, or the smallest recipe.
  Recipe cheapest(const SearchSpace& space) const;
  /// The same rows with another limit on the bytes.
  Budget with_bytes(std::int64_t most_bytes) const;
};

}  // namespace pare::search
