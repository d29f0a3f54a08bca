// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>

#include "framework/model/model_config.hpp"

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

/// The part-th of `parts` ranges into which the chain of a model is cut between layers: whole layers, dealt so that the
/// part with the most multiplications a token has as few as can be. The embedding goes with the first layer, the head, which
/// costs as much as some layers, with the last. 1 <= parts <= layers.
StageRange part_of_chain(const ModelConfig& model, int parts, int part);

}  // namespace pare::framework
