// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/device_matrix.hpp"
#include "kernels/core/dtype.hpp"
#include "tests/kernels/random_matrix.hpp"

/// bfloat16 matrices, and the binary32 matrices of the same values that references work on.

namespace pare::test {

inline kernels::Matrix<kernels::BFloat16> to_bf16(const kernels::Matrix<float>& from) {
  kernels::Matrix<kernels::BFloat16> to(from.rows(), from.cols());
  std::transform(from.data(), from.data() + from.size(), to.data(), kernels::to_bfloat16);
  return to;
}

inline kernels::Matrix<float> to_binary32(const kernels::Matrix<kernels::BFloat16>& from) {
  kernels::Matrix<float> to(from.rows(), from.cols());
  std::transform(from.data(), from.data() + from.size(), to.data(),
                 [](kernels::BFloat16 x) { return kernels::to_float(x); });
  return to;
}

/// Normal values that are bfloat16 numbers.
inline kernels::Matrix<float> random_bf16_values(std::int64_t rows, std::int64_t cols, unsigned seed,
                                                 float deviation = 1.0f) {
  return to_binary32(to_bf16(random_matrix(rows, cols, seed, deviation)));
}

inline kernels::DeviceMatrix<kernels::BFloat16> bf16_on_device(const kernels::Matrix<float>& values,
                                                               const kernels::Stream& stream) {
  const kernels::Matrix<kernels::BFloat16> rounded = to_bf16(values);
  return kernels::on_device(rounded.view(), stream);
}

}  // namespace pare::test
