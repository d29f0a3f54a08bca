// SPDX-License-Identifier: Apache-2.0
#include "framework/model/stage_range.hpp"

#include <algorithm>
#include <cstdint>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr std::int64_t stages_per_layer = 2;

/// What the head multiplies for a token, in layers; attention among tokens left out.
double head_in_layers(const ModelConfig& model) {
  const std::int64_t of_layer = 2 * model.head_dim * (model.heads + model.kv_heads) + 3 * model.intermediate;
  return static_cast<double>(model.vocabulary) / static_cast<double>(of_layer);
}

/// Of the part that has the head; the others share the rest evenly.
std::int64_t layers_of_last(const ModelConfig& model, int parts) {
  const double head = head_in_layers(model);
  const std::int64_t others = parts - 1;
  const auto most_of_a_part = [&](std::int64_t last) {
    const std::int64_t rest = (model.layers - last + others - 1) / others;
    return std::max(static_cast<double>(rest), static_cast<double>(last) + head);
  };
  std::int64_t best = 1;
  for (std::int64_t last = 2; last + others <= model.layers; ++last)
    if (most_of_a_part(last) <= most_of_a_part(best)) best = last;
  return best;
}

}  // namespace

StageRange part_of_chain(const ModelConfig& model, int parts, int part) {
  EXPECT(1 <= parts && parts <= model.layers && 0 <= part && part < parts, part, " of ", parts, " parts of ",
         model.layers);
  StageRange range;
  if (parts == 1) return range;
  const std::int64_t before_last = model.layers - layers_of_last(model, parts);
  const auto begin_of = [&](int p) {
    return static_cast<std::size_t>(1 + stages_per_layer * (p * before_last / (parts - 1)));
  };
  if (part > 0) range.begin = begin_of(part);
  if (part + 1 < parts) range.end = begin_of(part + 1);
  return range;
}

}  // namespace pare::framework
