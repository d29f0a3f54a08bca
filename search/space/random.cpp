// SPDX-License-Identifier: Apache-2.0
#include "search/space/random.hpp"

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}
std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}

}  // namespace

PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  constexpr std::uint64_t multiplier_0 = 0xD2511F53;
  constexpr std::uint64_t multiplier_1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl_0 = 0x9E3779B9;
  constexpr std::uint32_t weyl_1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product_0 = multiplier_0 * counter[0];
    const std::uint64_t product_1 = multiplier_1 * counter[2];
    counter = {high(product_1) ^ counter[1] ^ key[0], low(product_1), high(product_0) ^ counter[3] ^ key[1],
               low(product_0)};
    key[0] += weyl_0;
    key[1] += weyl_1;
  }
  return counter;
}

std::uint32_t DecisionRandom::next() {
  if (used_ == 4) {
    draws_ = philox({low(block_), high(block_), low(decision_), high(decision_)}, {low(seed_), high(seed_)});
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
