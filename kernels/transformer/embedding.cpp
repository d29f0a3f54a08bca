// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/embedding.hpp"

#include <algorithm>

#include "kernels/core/parallel.hpp"

namespace pare::kernels {

void embed(MatrixView<const float> table, std::span<const std::uint32_t> ids, MatrixView<float> out) {
  EXPECT(static_cast<std::int64_t>(ids.size()) == out.rows && table.cols == out.cols, ids.size(), " ids for ",
         out.rows);
  EXPECT(std::all_of(ids.begin(), ids.end(), [&](std::uint32_t id) { return id < table.rows; }), "an id is not below ",
         table.rows);
  constexpr std::int64_t tokens_per_part = 64;
  parallel_for(out.rows, tokens_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      std::copy_n(table.row(ids[static_cast<std::size_t>(t)]), out.cols, out.row(t));
  });
}

}  // namespace pare::kernels
