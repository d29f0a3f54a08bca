// SPDX-License-Identifier: Apache-2.0
#include "framework/export/export_layers.hpp"

#include "kernels/core/contract.hpp"

namespace pare::framework {

std::vector<ExportLayer> export_layers(const Model& model, const std::vector<Site>& sites,
                                       std::span<const std::uint8_t> recipe, const LayerBank* bank) {
  EXPECT(recipe.size() == sites.size(), recipe.size(), " options for ", sites.size(), " sites");
  std::vector<ExportLayer> layers;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const Option& option = sites[s].options.at(recipe[s]);
    for (std::size_t l = 0; l < sites[s].linears.size(); ++l) {
      ExportLayer& layer = layers.emplace_back();
      layer.linear = &model.stages()[sites[s].stage].linears[sites[s].linears[l]];
      layer.option = option;
      if (bank != nullptr && !option.keeps_checkpoint() && !option.drop) layer.stored = bank->layer(s, l, recipe[s]);
    }
  }
  return layers;
}

void read_layer(const Model& model, const ExportLayer& layer, kernels::Matrix<float>& out) {
  if (!layer.stored) return model.read_weight(*layer.linear, out);
  expand_body(layer.option, layer.stored->shape, layer.stored->body, out);
  const std::vector<float>& divisors = layer.stored->notes.divisors;
  if (divisors.empty()) return;
  for (std::int64_t r = 0; r < out.rows(); ++r)
    for (std::int64_t c = 0; c < out.cols(); ++c) out.row(r)[c] /= divisors[static_cast<std::size_t>(c)];
}

}  // namespace pare::framework
