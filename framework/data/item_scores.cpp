// SPDX-License-Identifier: Apache-2.0
#include "framework/data/item_scores.hpp"

#include "kernels/core/contract.hpp"

namespace pare::framework {

ItemScores score_items(const TokenWindows& items, std::int64_t begin, std::span<const double> kl,
                       std::span<const double> nll) {
  const ItemSheet& sheet = items.items;
  EXPECT(!sheet.empty() && kl.size() == nll.size() && kl.size() % static_cast<std::size_t>(sheet.rows) == 0);
  const auto rows = static_cast<std::size_t>(sheet.rows);
  ItemScores scores;
  for (std::size_t first = 0; first < kl.size(); first += rows) {
    const std::size_t item = static_cast<std::size_t>(begin) + first / rows;
    std::size_t answer = 0;
    double best = 0, divergence = 0, words = 0;
    for (std::size_t c = 0; c < sheet.choices[item]; ++c) {
      const auto count = static_cast<double>(items.scored[item * rows + c].count());
      const double likelihood = -nll[first + c] * count * sheet.scales[item * rows + c];
      if (c == 0 || likelihood > best) {
        best = likelihood;
        answer = c;
      }
      divergence += kl[first + c] * count;
      words += count;
    }
    scores.wrong.push_back(answer == sheet.labels[item] ? 0 : 1);
    scores.kl.push_back(divergence / words);
    scores.nll.push_back(nll[first + sheet.labels[item]]);
  }
  return scores;
}

}  // namespace pare::framework
