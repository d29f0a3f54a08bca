// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/core/contract.hpp"

namespace pare::framework {

/// Consecutive stages [begin, end) of a model's chain (stage.hpp): those that one process runs. All of them, unless the
/// model is split over several.
struct StageRange {
  std::size_t begin = 0;
  std::size_t end = std::numeric_limits<std::size_t>::max();  ///< may lie beyond the last stage

  bool has(std::size_t stage) const { return begin <= stage && stage < end; }
  bool has_embedding() const { return begin == 0; }
  /// stages: of the whole chain.
  bool has_head(std::size_t stages) const { return end >= stages; }
};

/// The part-th of `parts` ranges into which the chain of a model with so many layers is cut between layers, as evenly as
/// they can be dealt; the embedding goes with the first layer, the head with the last. 1 <= parts <= layers.
inline StageRange part_of_chain(std::int64_t layers, int parts, int part) {
  EXPECT(1 <= parts && parts <= layers && 0 <= part && part < parts, part, " of ", parts, " parts of ", layers);
  constexpr std::int64_t stages_per_layer = 2;
  const auto begin_of = [&](int p) { return static_cast<std::size_t>(1 + stages_per_layer * (p * layers / parts)); };
  StageRange range;
  if (part > 0) range.begin = begin_of(part);
  if (part + 1 < parts) range.end = begin_of(part + 1);
  return range;
}

}  // namespace pare::framework
