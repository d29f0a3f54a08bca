// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

/// Random recipes near the budget, by successive halving: equal tokens on each of at most four rungs (1/64,
/// 1/16, 1/4 and all windows), the best quarter going on (K. Jamieson, A. Talwalkar, AISTATS 2016). The floor
/// under every other search.
class RandomSearch final : public ProceduralAlgorithm {
 public:
  explicit RandomSearch(const SearchProblem& problem);

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;

  std::vector<Recipe> ranked_;  ///< best first
};

}  // namespace pare::search
