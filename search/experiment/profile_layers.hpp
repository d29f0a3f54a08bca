// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/evaluation/latency_file.hpp"
#include "framework/evaluation/linear_timer.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/experiment.hpp"

namespace pare::search {

/// Tokens of the passes that are timed.
struct ProfileTokens {
  std::vector<std::int64_t> prefill;
  std::vector<std::int64_t> decode;
};

/// Passes that take the same time on the device: one measurement.
struct ProfiledLayer {
  framework::LayerShape shape;
  std::string arithmetic;                        ///< LinearTimer::arithmetic
  std::vector<std::string> options;              ///< kernel_name of each, sorted
  std::vector<framework::LatencyEntry> entries;  ///< of options.front(), prefill before decode
};

/// Times every size that a layer of the experiment's model can have under its options. Throws InputError as Plan does for
/// model and options; weights are not read.
std::vector<ProfiledLayer> profile_layers(const Experiment& experiment, const ProfileTokens& tokens,
                                          framework::LinearTimer& timer, Progress& progress);

/// An entry for every option, as latency tables have them.
std::vector<framework::LatencyEntry> all_entries(const std::vector<ProfiledLayer>& layers);

}  // namespace pare::search
