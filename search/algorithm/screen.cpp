// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/screen.hpp"

#include <algorithm>

#include "search/objective/rank_correlation.hpp"

namespace pare::search {
namespace {

constexpr std::size_t least_trials = 8;

}  // namespace

double Screen::correlation() const {
  std::vector<double> predicted, measured;
  for (std::size_t i = known_.size() - std::min(memory_, known_.size()); i < known_.size(); ++i) {
    predicted.push_back(known_[i].predicted);
    measured.push_back(known_[i].measured);
  }
  return rank_correlation(predicted, measured);
}

bool Screen::trusted() const {
  return known_.size() < least_trials || correlation() >= bar_;
}

}  // namespace pare::search
