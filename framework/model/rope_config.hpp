// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "framework/model/config_json.hpp"

namespace pare::framework::detail {

struct RopeFrequencies {
  double theta = 0;             ///< the base, before any scaling
  std::vector<double> inverse;  ///< head_dim / 2
};

/// The frequencies of the rotary embedding that a config.json describes, in either spelling:
///   transformers 4   "rope_theta": 5e5, "rope_scaling": {"rope_type" or "type": "llama3", "factor": 8, ...}
///   or null transformers 5   "rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8, ...}
/// Types: default, linear (all divided by factor) and llama3 (low frequencies divided by factor, high ones
/// kept, a ramp in between: transformers, modeling_rope_utils.py). Others change the attention itself and are
/// refused by name.
RopeFrequencies read_rope_frequencies(const ConfigObject& config, std::int64_t head_dim, std::int64_t max_positions);

}  // namespace pare::framework::detail
