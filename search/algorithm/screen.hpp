// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "search/objective/search_figures.hpp"

namespace pare::search {

/// Whether a surrogate may choose which proposals are measured: only while it ranks fresh trials, those that it had not
/// learned from when it predicted them, well enough.
class Screen {
 public:
  /// bar: least rank correlation; memory: the latest fresh trials that it is judged by.
  explicit Screen(double bar, std::size_t memory = 32) : bar_(bar), memory_(memory) {}

  /// A prediction and what was measured afterwards, in any unit.
  void add(double predicted, double measured) { known_.push_back({predicted, measured}); }

  /// Over the latest fresh trials; 0 before there are two.
  double correlation() const;
  /// True while there are fewer fresh trials than say anything (eight).
  bool trusted() const;
  /// All of them, in order.
  const std::vector<Prediction>& predictions() const { return known_; }

 private:
  double bar_;
  std::size_t memory_;
  std::vector<Prediction> known_;
};

}  // namespace pare::search
