// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

/// One additive solve, as a rival: what HAWQ-V3 (Z. Yao et al., arXiv 2011.10680), LLM-MQ and AutoQuantize of
/// NVIDIA's Model-Optimizer do, with the measured loss in place of their estimates of it.
///
///     reference = the largest option everywhere
///     S = KL of the reference with one site at one other option, minus the reference's      # one batch
///     answer = the recipe with the least sum of S within the budget                           # exactly, once
///
/// The answer itself is never measured; it is the best one if losses add up. All windows that the tokens pay
/// for (the same for every change); where they do not pay for one window of every change, only for both ends
/// and the first step down of every site, the rest being read off the local errors; where not for that, the
/// answer is the one without data (local-ilp). Asks for the reference and its single changes, which are above
/// most budgets. Nothing is drawn: every seed gives the same answer. (sum of options + 1) evaluations.
class Ilp final : public ProceduralAlgorithm {
 public:
  explicit Ilp(const SearchProblem& problem);

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;

  Recipe answer_;
  std::size_t changes_ = 0;
  std::int64_t windows_ = 0;
  bool solved_ = false;
};

}  // namespace pare::search
