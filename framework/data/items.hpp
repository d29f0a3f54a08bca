// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace pare::framework {

/// The words of a window that count: positions [first, end), each predicted from the words before it.
struct ScoredWords {
  std::int64_t first = 0;
  std::int64_t end = 0;

  std::int64_t count() const { return end - first; }
  bool operator==(const ScoredWords&) const = default;
};

/// How windows of tokens are the rows of multiple-choice items: an item is `rows` windows one after the other, one a choice
/// (the context, the choice, padding behind it), so that no choice sees another; those behind its last choice are padding.
struct ItemSheet {
  std::int64_t rows = 0;              ///< of each item; 0: the windows are text
  std::vector<std::uint8_t> labels;   ///< of each item, the right choice
  std::vector<std::uint8_t> choices;  ///< of each item, how many, from 2 to `rows`
  std::vector<double> scales;         ///< [items, rows] what a choice's summed log-likelihood is multiplied by

  bool empty() const { return rows == 0; }
  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
  bool operator==(const ItemSheet&) const = default;
};

}  // namespace pare::framework
