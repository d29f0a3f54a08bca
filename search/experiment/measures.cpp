// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/measures.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include "framework/compression/layer_storage.hpp"
#include "framework/evaluation/latency_table.hpp"

namespace pare::search {
namespace {

/// The cost of one layer under one option.
using LayerCost = std::function<std::int64_t(const framework::Stage&, std::size_t linear, const framework::Option&)>;

void add_measure(const Measure& measure, const std::vector<framework::Site>& sites, const framework::Model& model,
                 const LayerCost& cost, SearchSpace& space) {
  space.measures.push_back(measure);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const framework::Stage& stage = model.stages()[sites[s].stage];
    for (std::size_t o = 0; o < sites[s].options.size(); ++o) {
      std::int64_t sum = 0;
      for (const std::size_t linear : sites[s].linears) sum += cost(stage, linear, sites[s].options[o]);
      space.sites[s].options[o].costs.push_back(sum);
    }
  }
}

}  // namespace

void add_measures(const Experiment& experiment, const framework::Model& model,
                  const std::vector<framework::Site>& sites, SearchSpace& space) {
  const auto limited = [&](auto limit) { return std::ranges::any_of(experiment.budgets, limit); };
  if (experiment.latency) {
    const framework::LatencyTable table(experiment.latency->table);
    const auto add_phase = [&](const char* name, framework::Phase phase, std::int64_t tokens) {
      const auto picoseconds = [&](const framework::Stage& stage, std::size_t linear, const framework::Option& option) {
        if (option.drop) return std::int64_t{0};
        return table.picoseconds(framework::stored_shape(option, model, stage, linear), option, phase, tokens);
      };
      add_measure({name, "ps"}, sites, model, picoseconds, space);
    };
    if (limited([](const BudgetRules& rules) { return rules.prefill_seconds.has_value(); }))
      add_phase("prefill_seconds", framework::Phase::prefill, experiment.latency->prefill_tokens);
    if (limited([](const BudgetRules& rules) { return rules.decode_seconds.has_value(); }))
      add_phase("decode_seconds", framework::Phase::decode, experiment.latency->decode_tokens);
  }
  if (experiment.kv) {
    const std::int64_t window = model.config().sliding_window;
    const std::int64_t tokens = window > 0 ? std::min(window, experiment.kv->tokens) : experiment.kv->tokens;
    const auto bytes = [&](const framework::Stage& stage, std::size_t linear, const framework::Option& option) {
      const std::string& kind = stage.linears[linear].kind;
      if (option.drop || (kind != "k_proj" && kind != "v_proj")) return std::int64_t{0};
      const std::int64_t values = framework::stored_shape(option, model, stage, linear).outputs;
      return tokens * values * experiment.kv->bytes_per_value;
    };
    add_measure({"kv_bytes", "bytes"}, sites, model, bytes, space);
  }
}

}  // namespace pare::search
