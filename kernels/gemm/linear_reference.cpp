// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/linear.hpp"

namespace pare::kernels {

void linear_reference(MatrixView<const float> x, MatrixView<const float> weight, std::span<const float> bias,
                      MatrixView<float> out, bool accumulate) {
  EXPECT(x.cols == weight.cols && out.rows == x.rows && out.cols == weight.rows, x.cols, " ", weight.cols);
  EXPECT(bias.empty() || static_cast<std::int64_t>(bias.size()) == weight.rows, bias.size());
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t n = 0; n < weight.rows; ++n) {
      double sum = accumulate ? double{out.row(t)[n]} : 0.0;
      if (!bias.empty()) sum += double{bias[static_cast<std::size_t>(n)]};
      for (std::int64_t k = 0; k < x.cols; ++k) sum += double{x.row(t)[k]} * double{weight.row(n)[k]};
      out.row(t)[n] = static_cast<float>(sum);
    }
  }
}

}  // namespace pare::kernels
