// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_int8.hpp"

namespace pare::kernels {

void gemm_int8_reference(MatrixView<const std::int8_t> x, MatrixView<const std::int8_t> weight,
                         MatrixView<std::int32_t> sums) {
  EXPECT(x.cols == weight.cols && sums.rows == x.rows && sums.cols == weight.rows, x.rows, " x ", x.cols, " times ",
         weight.rows, " x ", weight.cols, " to ", sums.rows, " x ", sums.cols);
  for (std::int64_t m = 0; m < x.rows; ++m) {
    for (std::int64_t n = 0; n < weight.rows; ++n) {
      const std::int8_t* const a = x.row(m);
      const std::int8_t* const b = weight.row(n);
      std::int32_t sum = 0;
      for (std::int64_t k = 0; k < x.cols; ++k) sum += a[k] * b[k];
      sums.row(m)[n] = sum;
    }
  }
}

}  // namespace pare::kernels
