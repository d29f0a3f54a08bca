// SPDX-License-Identifier: Apache-2.0
#include "search/space/random.hpp"

#include "kernels/core/contract.hpp"
#include "kernels/core/philox.hpp"

namespace pare::search {
namespace {

std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}
std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}

}  // namespace

std::uint32_t DecisionRandom::next() {
  if (used_ == 4) {
    draws_ =
        kernels::philox4x32({low(block_), high(block_), low(decision_), high(decision_)}, {low(seed_), high(seed_)});
    ++block_;
    used_ = 0;
  }
  return draws_[used_++];
}

std::uint32_t DecisionRandom::below(std::uint32_t n) {
  EXPECT(n > 0, "a draw below zero");
  std::uint64_t product = std::uint64_t{next()} * n;
  if (low(product) < n) {
    const std::uint32_t reject_below = (0U - n) % n;
    while (low(product) < reject_below) product = std::uint64_t{next()} * n;
  }
  return high(product);
}

int DecisionRandom::between(int first, int last) {
  EXPECT(first <= last, "a draw between ", first, " and ", last);
  return first + static_cast<int>(below(static_cast<std::uint32_t>(last - first) + 1));
}

double DecisionRandom::uniform() {
  return next() * 0x1p-32;
}

double DecisionRandom::normal() {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += uniform();
  return sum;
}

}  // namespace pare::search
