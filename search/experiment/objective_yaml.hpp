// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/config/config_view.hpp"
#include "framework/data/text_mixture.hpp"
#include "search/objective/objective.hpp"

namespace pare::search {

/// `data.texts`: [{file, weight, name}]; a name is the file's without its ending by default. All throw InputError with
/// the place of what is wrong.
std::vector<framework::TextSource> read_texts(const framework::ConfigView& view);

/// Deals the windows of both sets to the texts.
void deal_domains(const framework::ConfigView& view, const std::vector<framework::TextSource>& texts,
                  const framework::WindowPlan& windows, Objective& objective);

/// `objective`: {metric, combine}; the domains have been dealt.
void read_objective(const framework::ConfigView& view, Objective& objective);

/// What `data` says for the metric accuracy: `choices`, and no sampled text; the objective has been read.
void read_items(const framework::ConfigView& data, const Objective& objective, framework::WindowPlan& windows,
                bool text_is_sampled);

}  // namespace pare::search
