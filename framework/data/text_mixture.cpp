// SPDX-License-Identifier: Apache-2.0
#include "framework/data/text_mixture.hpp"

#include <algorithm>
#include <numeric>

#include "framework/data/item_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::vector<double> weights_of(const std::vector<TextSource>& texts) {
  std::vector<double> weights;
  for (const TextSource& text : texts) weights.push_back(text.weight);
  return weights;
}

void append_item(const TokenWindows& from, std::int64_t item, TokenWindows& to) {
  const auto rows = static_cast<std::ptrdiff_t>(from.items.rows);
  const auto first = static_cast<std::ptrdiff_t>(item) * rows;
  const auto i = static_cast<std::size_t>(item);
  to.items.rows = from.items.rows;
  to.items.labels.push_back(from.items.labels[i]);
  to.items.choices.push_back(from.items.choices[i]);
  to.items.scales.insert(to.items.scales.end(), from.items.scales.begin() + first,
                         from.items.scales.begin() + first + rows);
  to.scored.insert(to.scored.end(), from.scored.begin() + first, from.scored.begin() + first + rows);
}

/// The windows of one set, or the items, each text's in their order.
TokenWindows merge(const std::vector<WindowSets>& parts, TokenWindows WindowSets::*set,
                   const std::vector<std::uint16_t>& dealt, std::int64_t length) {
  TokenWindows merged{length, {}};
  std::vector<std::int64_t> next(parts.size(), 0);
  for (const std::uint16_t text : dealt) {
    const TokenWindows& part = parts[text].*set;
    const std::int64_t rows = part.items.empty() ? 1 : part.items.rows;
    const auto begin = part.tokens.begin() + next[text] * rows * length;
    merged.tokens.insert(merged.tokens.end(), begin, begin + rows * length);
    if (!part.items.empty()) append_item(part, next[text], merged);
    ++next[text];
  }
  return merged;
}

}  // namespace

std::vector<std::uint16_t> deal_windows(std::span<const double> weights, std::int64_t count) {
  EXPECT(!weights.empty() && count >= 0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> owed(weights.size(), 0);
  std::vector<std::uint16_t> dealt;
  for (std::int64_t w = 0; w < count; ++w) {
    for (std::size_t t = 0; t < weights.size(); ++t) owed[t] += weights[t] / total;
    const auto most = static_cast<std::size_t>(std::max_element(owed.begin(), owed.end()) - owed.begin());
    owed[most] -= 1;
    dealt.push_back(static_cast<std::uint16_t>(most));
  }
  return dealt;
}

WindowSets read_mixture(const std::vector<TextSource>& texts, const WindowPlan& plan, std::int64_t vocabulary) {
  const std::vector<double> weights = weights_of(texts);
  const auto search = deal_windows(weights, plan.windows);
  const auto holdout = deal_windows(weights, plan.holdout);
  const auto calibration = deal_windows(weights, plan.calibration);
  std::vector<WindowSets> parts;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto share = [t](const std::vector<std::uint16_t>& dealt) {
      return std::ranges::count(dealt, static_cast<std::uint16_t>(t));
    };
    const WindowPlan part{.windows = share(search),
                          .length = plan.length,
                          .holdout = share(holdout),
                          .calibration = share(calibration),
                          .choices = plan.choices};
    parts.push_back(plan.choices > 0 ? read_items(texts[t].file, part, vocabulary)
                                     : read_windows(texts[t].file, part, vocabulary));
  }
  return {merge(parts, &WindowSets::search, search, plan.length),
          merge(parts, &WindowSets::holdout, holdout, plan.length),
          merge(parts, &WindowSets::calibration, calibration, plan.length)};
}

}  // namespace pare::framework
