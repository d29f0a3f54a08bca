// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/screen.hpp"

#include "search/objective/rank_correlation.hpp"

namespace pare::search {
namespace {

constexpr std::size_t least_trials = 8;

}  // namespace

void Screen::add(double predicted, double measured) {
  ++fresh_;
  predicted_.push_back(predicted);
  measured_.push_back(measured);
  if (predicted_.size() <= memory_) return;
  predicted_.erase(predicted_.begin());
  measured_.erase(measured_.begin());
}

double Screen::correlation() const {
  return rank_correlation(predicted_, measured_);
}

bool Screen::trusted() const {
  return predicted_.size() < least_trials || correlation() >= bar_;
}

}  // namespace pare::search
