// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

/// Every recipe that fits, on all search windows (on as many as the token limit pays for): the truth, for
/// tests and tiny spaces. Throws InputError above a million recipes, and when the tokens do not pay for one
/// window of each.
class Exhaustive final : public ProceduralAlgorithm {
 public:
  explicit Exhaustive(const SearchProblem& problem);

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;

  std::vector<Recipe> recipes_;
  std::int64_t windows_ = 0;
  std::size_t measured_ = 0;
  std::size_t best_ = 0;
};

}  // namespace pare::search
