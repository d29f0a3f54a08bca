// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/profile_layers.hpp"

#include <fmt/core.h>

#include <map>
#include <tuple>

#include "framework/compression/layer_storage.hpp"
#include "framework/compression/site.hpp"
#include "framework/evaluation/latency_table.hpp"
#include "framework/model/model.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {
namespace {

/// Outputs, inputs, arithmetic: with the options that have them, by kernel_name.
using Cases = std::map<std::tuple<std::int64_t, std::int64_t, std::string>, std::map<std::string, framework::Option>>;

Cases find_cases(const Experiment& experiment, const framework::LinearTimer& timer) {
  const framework::Model model = open_model(experiment.model);
  Cases cases;
  for (const framework::Site& site :
       framework::make_sites(model, experiment.options, experiment.ties, experiment.target)) {
    const framework::Stage& stage = model.stages()[site.stage];
    for (const framework::Option& option : site.options) {
      if (option.drop) continue;
      for (const std::size_t linear : site.linears) {
        const framework::LayerShape shape = framework::stored_shape(option, model, stage, linear);
        cases[{shape.outputs, shape.inputs, timer.arithmetic(option)}].emplace(framework::kernel_name(option), option);
      }
    }
  }
  return cases;
}

}  // namespace

std::vector<ProfiledLayer> profile_layers(const Experiment& experiment, const ProfileTokens& tokens,
                                          framework::LinearTimer& timer, Progress& progress) {
  const Cases cases = find_cases(experiment, timer);
  const std::size_t passes = cases.size() * (tokens.prefill.size() + tokens.decode.size());
  progress.begin("timing layers", static_cast<double>(passes), "passes");
  std::vector<ProfiledLayer> layers;
  for (const auto& [key, options] : cases) {
    const auto& [outputs, inputs, arithmetic] = key;
    ProfiledLayer& layer = layers.emplace_back();
    layer.shape = {outputs, inputs};
    layer.arithmetic = arithmetic;
    for (const auto& [name, option] : options) layer.options.push_back(name);
    progress.note(fmt::format("{} x {}, {}", outputs, inputs, arithmetic));
    const auto measure = [&](framework::Phase phase, std::int64_t count) {
      const auto time = timer.time(layer.shape, options.begin()->second, phase, count);
      layer.entries.push_back(
          {layer.shape, layer.options.front(), phase, count, time.median, time.lowest, time.highest});
      progress.advance(1);
    };
    for (const std::int64_t count : tokens.prefill) measure(framework::Phase::prefill, count);
    for (const std::int64_t count : tokens.decode) measure(framework::Phase::decode, count);
  }
  progress.end();
  return layers;
}

std::vector<framework::LatencyEntry> all_entries(const std::vector<ProfiledLayer>& layers) {
  std::vector<framework::LatencyEntry> entries;
  for (const ProfiledLayer& layer : layers)
    for (const std::string& option : layer.options)
      for (framework::LatencyEntry entry : layer.entries) {
        entry.option = option;
        entries.push_back(std::move(entry));
      }
  return entries;
}

}  // namespace pare::search
