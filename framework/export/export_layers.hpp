// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/compression/layer_storage.hpp"
#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// What a recipe makes of one linear. Every export is written from these; they look at model and bank.
struct ExportLayer {
  const Linear* linear = nullptr;
  Option option;
  std::optional<StoredLayer> stored;  ///< nothing: the checkpoint's own weights, or dropped
};

/// All linears of the sites, in the order of the chain, under options given by index into Site::options. bank may be
/// null where only options are asked for.
std::vector<ExportLayer> export_layers(const Model& model, const std::vector<Site>& sites,
                                       std::span<const std::uint8_t> recipe, const LayerBank* bank);

/// The weights that the layer stands for: of x, whatever divides the inputs. `out` is reshaped.
void read_layer(const Model& model, const ExportLayer& layer, kernels::Matrix<float>& out);

}  // namespace pare::framework
