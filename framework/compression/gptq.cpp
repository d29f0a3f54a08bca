// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/gptq.hpp"

#include <algorithm>
#include <optional>

#include "framework/compression/column_sweep.hpp"
#include "framework/compression/sweep_inputs.hpp"
#include "framework/compression/sweep_plan.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::framework {
namespace {

/// The sweep over one tile of rows.
void sweep(Tile& tile, const InverseHessian& inverse, std::int64_t block, TileCodes& codes) {
  const std::int64_t cols = tile.cols();
  const bool natural = inverse.natural();
  if (!natural) {
    for (std::int64_t g = 0; g < codes.groups(); ++g) codes.start_group(g, tile);
  }
  const ConstRowMajorMap factor = eigen_view(inverse.factor.view());
  const std::int64_t chunk = natural ? codes.group_size() : 1;
  for (std::int64_t begin = 0, end = 0; begin < cols; begin = end) {
    end = end_of_block(begin, block, cols, {chunk});
    sweep_block(tile, factor, begin, end, [&](std::int64_t j, double* column) {
      const std::int64_t c = inverse.order[static_cast<std::size_t>(j)];
      if (natural && c % codes.group_size() == 0) codes.start_group(c / codes.group_size(), tile);
      for (std::int64_t r = 0; r < tile.rows(); ++r) column[r] = codes.round(r, c, column[r]);
    });
  }
}

}  // namespace

kernels::PackedLayout detail::check_gptq(kernels::MatrixView<const float> weight, const SweepInputs& inputs,
                                         const kernels::Grid& grid, const GptqSettings& settings,
                                         std::span<std::byte> packed) {
  const kernels::PackedLayout layout = kernels::packed_layout(grid, weight.rows, weight.cols);
  VALIDATE(settings.block > 0, "GPTQ cannot work in blocks of ", settings.block, " columns, use at least 1");
  EXPECT(inputs.inputs() == weight.cols, "a Hessian of ", inputs.inputs(), " inputs for ", weight.cols);
  EXPECT(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, packed.size(), " != ", layout.total_bytes);
  return layout;
}

void quantize_gptq(kernels::MatrixView<const float> weight, const InverseHessian& inverse, const kernels::Grid& grid,
                   const GptqSettings& settings, std::span<std::byte> packed) {
  const kernels::PackedLayout layout = detail::check_gptq(weight, inverse, grid, settings, packed);
  std::optional<kernels::GroupGrid> shared;
  if (grid.tensor) shared = tensor_grid(live_weights(weight, inverse).view(), inverse, grid, settings.clip);
  const std::int64_t tiles = (weight.rows + tile_rows - 1) / tile_rows;
  kernels::parallel_for(tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t * tile_rows;
      const std::int64_t rows = std::min(tile_rows, weight.rows - first);
      Tile tile = load_tile(weight, inverse, first, rows);
      TileCodes codes =
          shared ? TileCodes(grid, inverse, rows, *shared) : TileCodes(grid, inverse, first, rows, settings.clip);
      sweep(tile, inverse, settings.block, codes);
      for (std::int64_t r = 0; r < rows; ++r) {
        kernels::write_row(grid, layout, first + r, codes.grids(r), codes.codes(r), packed);
      }
    }
  });
}

}  // namespace pare::framework
