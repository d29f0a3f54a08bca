// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pare::search {

/// Random numbers of one decision: the same (seed, decision) gives the same draws, whatever was drawn for
/// other decisions before, so that a search can be replayed from any point and does not depend on who
/// computes what. The key is the seed, the counter is (draw block, decision). Integer arithmetic only, apart
/// from the last division of uniform(), which is exact.
class DecisionRandom {
 public:
  DecisionRandom(std::uint64_t seed, std::uint64_t decision) : seed_(seed), decision_(decision) {}

  std::uint32_t next();
  /// In [0, n), unbiased (Lemire's multiply and reject). EXPECTs n > 0.
  std::uint32_t below(std::uint32_t n);
  /// In [first, last].
  int between(int first, int last);
  /// In [0, 1), a multiple of 2^-32.
  double uniform();
  /// Standard normal: sum of twelve uniforms minus six, which needs no library function and so is the same on
  /// every machine.
  double normal();

  /// Fisher and Yates.
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t decision_;
  std::uint64_t block_ = 0;
  std::array<std::uint32_t, 4> draws_{};
  unsigned used_ = 4;
};

}  // namespace pare::search
