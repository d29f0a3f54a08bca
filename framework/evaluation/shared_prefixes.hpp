// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/evaluation/prefix_trie.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// Hidden states on their way from one part of a model's chain to the next: one for each distinct prefix that candidates
/// have before a stage, in ascending order of the prefixes, binary32 [prefixes][tokens, hidden]. Both parts know the
/// candidates, so nothing but the values travels.
class SharedPrefixes {
 public:
  /// sites: how many lie before the stage.
  SharedPrefixes(std::span<const OptionIndices> candidates, std::size_t sites, std::int64_t tokens,
                 std::int64_t hidden);

  std::size_t values() const { return prefixes_ * state_values(); }
  /// Throws InternalError when there are not so many values as these states have.
  void expect(std::span<const float> values) const;

  /// Tokens [begin, begin + count) of a candidate's state. T: float or const float.
  template <class T>
  kernels::MatrixView<T> state(std::span<T> values, std::size_t candidate, std::int64_t begin,
                               std::int64_t count) const {
    T* all = values.data() + number_[candidate] * state_values();
    return kernels::MatrixView<T>(all, tokens_, hidden_).rows_from(begin, count);
  }
  /// Of the candidates with one prefix the first: whoever brings its state spares the others.
  bool leads(std::size_t candidate) const { return leads_[candidate]; }

 private:
  std::size_t state_values() const { return static_cast<std::size_t>(tokens_ * hidden_); }

  std::int64_t tokens_;
  std::int64_t hidden_;
  std::size_t prefixes_ = 0;
  std::vector<std::size_t> number_;  ///< by candidate
  std::vector<bool> leads_;
};

}  // namespace pare::framework
