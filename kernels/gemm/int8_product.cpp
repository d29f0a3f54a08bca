// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/int8_product.hpp"

namespace pare::kernels::detail {

void int8_product(MatrixView<const std::int8_t> x, MatrixView<const std::int8_t> weight,
                  MatrixView<std::int32_t> sums) {
  EXPECT(x.cols == weight.cols && sums.rows == x.rows && sums.cols == weight.rows, x.cols, " ", weight.cols);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t n = 0; n < weight.rows; ++n) {
      const std::int8_t* a = x.row(t);
      const std::int8_t* b = weight.row(n);
      std::int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t k = 0; k < x.cols; ++k) sum += std::int32_t{a[k]} * b[k];
      sums.row(t)[n] = sum;
    }
  }
}

}  // namespace pare::kernels::detail
