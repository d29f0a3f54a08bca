// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <random>

#include "kernels/core/device_matrix.hpp"
#include "kernels/gemm/gemm_int8.hpp"
#include "tests/kernels/gemm/typed_values.hpp"

/// One int8 product: data on the host and on the GPU, and what must come out, bit for bit.

namespace pare::test {

/// Codes with rows padded to a multiple of 16, and 16 more; the padding is 127, which would show in any sum.
inline kernels::Matrix<std::int8_t> padded_codes(std::int64_t rows, std::int64_t cols, unsigned seed) {
  kernels::Matrix<std::int8_t> matrix(rows, (cols + 15) / 16 * 16 + 16);
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> code(-128, 127);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < matrix.cols(); ++c) {
      matrix.row(r)[c] = static_cast<std::int8_t>(c < cols ? code(generator) : 127);
    }
  }
  return matrix;
}

struct Shape {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << "M " << shape.m << ", N " << shape.n << ", K " << shape.k;
}

template <class Out>
class Int8Case {
 public:
  /// group_scales is [N, K / 128] where K is a multiple of 128, else empty. The residual has a stride of its own.
  Int8Case(const Shape& shape, unsigned seed)
      : shape_(shape),
        x_(padded_codes(shape.m, shape.k, seed)),
        weight_(padded_codes(shape.n, shape.k, seed + 1)),
        x_scales_(random_matrix(1, shape.m, seed + 2)),
        weight_scales_(random_matrix(1, shape.n, seed + 3)),
        bias_(random_matrix(1, shape.n, seed + 4, 1000.0f)),
        residual_(random_values<Out>(shape.m, padded_outputs(), seed + 5)),
        group_scales_(
            random_matrix(shape.n, shape.k % kernels::int8_group == 0 ? shape.k / kernels::int8_group : 0, seed + 6)) {}

  void fill_codes(std::int8_t x, std::int8_t weight) {
    std::fill_n(x_.data(), x_.size(), x);
    std::fill_n(weight_.data(), weight_.size(), weight);
  }

  void set_unit_scales() {
    std::fill_n(x_scales_.data(), x_scales_.size(), 1.0f);
    std::fill_n(weight_scales_.data(), weight_scales_.size(), 1.0f);
  }

  /// Once, when the data stand.
  void upload(const kernels::Stream& stream) {
    device_x_ = kernels::on_device(x_.view(), stream);
    device_weight_ = kernels::on_device(weight_.view(), stream);
    device_x_scales_ = kernels::on_device(x_scales_.view(), stream);
    device_weight_scales_ = kernels::on_device(weight_scales_.view(), stream);
    device_bias_ = kernels::on_device(bias_.view(), stream);
    device_residual_ = kernels::on_device(residual_.view(), stream);
    device_group_scales_ = kernels::on_device(group_scales_.view(), stream);
  }

  /// Operands of rows [first, first + count).
  kernels::Int8Operands operands(std::int64_t first, std::int64_t count) const {
    return {device_x_.view().cols_from(0, shape_.k).rows_from(first, count),
            device_weight_.view().cols_from(0, shape_.k)};
  }
  kernels::Int8Operands operands() const { return operands(0, shape_.m); }

  kernels::Int8Epilogue<Out> scales_only(std::int64_t first, std::int64_t count) const {
    return {{device_x_scales_.data() + first, count}, device_weight_scales_.span(), {}, {}};
  }
  kernels::Int8Epilogue<Out> scales_only() const { return scales_only(0, shape_.m); }

  kernels::Int8Epilogue<Out> everything() const {
    kernels::Int8Epilogue<Out> epilogue = scales_only();
    epilogue.bias = device_bias_.span();
    epilogue.residual = device_residual_.view().cols_from(0, shape_.n);
    return epilogue;
  }

  kernels::DeviceView<const float> group_scales() const { return device_group_scales_.view(); }

  /// A poisoned output [M, N] as part of a wider matrix.
  kernels::DeviceMatrix<Out> poisoned_output(const kernels::Stream& stream) const {
    kernels::DeviceMatrix<Out> out(shape_.m, padded_outputs());
    kernels::fill_bytes(out, 0xff, stream);
    return out;
  }

  kernels::DeviceView<Out> output_in(kernels::DeviceMatrix<Out>& wide) const {
    return wide.view().cols_from(0, shape_.n);
  }

  const kernels::Matrix<Out>& residual() const { return residual_; }

  /// out [M, padded_outputs()]; what is beyond N is as poisoned_output left it. Temporaries are volatile so that the
  /// compiler contracts nothing.
  kernels::Matrix<Out> expected(bool bias, bool residual) const {
    kernels::Matrix<std::int32_t> sums(shape_.m, shape_.n);
    kernels::gemm_int8_reference(x_.view().cols_from(0, shape_.k), weight_.view().cols_from(0, shape_.k), sums.view());
    kernels::Matrix<Out> out = poisoned_copy();
    for (std::int64_t m = 0; m < shape_.m; ++m) {
      for (std::int64_t n = 0; n < shape_.n; ++n) {
        const volatile float scale = x_scales_.data()[m] * weight_scales_.data()[n];
        const volatile float value = static_cast<float>(sums.row(m)[n]) * scale;
        out.row(m)[n] = finished(value, m, n, bias, residual);
      }
    }
    return out;
  }

  kernels::Matrix<Out> expected_grouped(bool bias, bool residual) const {
    kernels::Matrix<std::int32_t> sums(shape_.m, shape_.n);
    kernels::Matrix<float> totals(shape_.m, shape_.n);
    std::fill_n(totals.data(), totals.size(), 0.0f);
    for (std::int64_t g = 0; g < shape_.k / kernels::int8_group; ++g) {
      const std::int64_t first = g * kernels::int8_group;
      kernels::gemm_int8_reference(x_.view().cols_from(first, kernels::int8_group),
                                   weight_.view().cols_from(first, kernels::int8_group), sums.view());
      for (std::int64_t m = 0; m < shape_.m; ++m) {
        for (std::int64_t n = 0; n < shape_.n; ++n) {
          float& total = totals.row(m)[n];
          total = std::fma(static_cast<float>(sums.row(m)[n]), group_scales_.row(n)[g], total);
        }
      }
    }
    kernels::Matrix<Out> out = poisoned_copy();
    for (std::int64_t m = 0; m < shape_.m; ++m) {
      for (std::int64_t n = 0; n < shape_.n; ++n) {
        const volatile float value = totals.row(m)[n] * x_scales_.data()[m];
        out.row(m)[n] = finished(value, m, n, bias, residual);
      }
    }
    return out;
  }

 private:
  std::int64_t padded_outputs() const { return (shape_.n + 15) / 16 * 16 + 16; }

  kernels::Matrix<Out> poisoned_copy() const {
    kernels::Matrix<Out> out(shape_.m, padded_outputs());
    std::memset(static_cast<void*>(out.data()), 0xff, static_cast<std::size_t>(out.size()) * sizeof(Out));
    return out;
  }

  Out finished(float value, std::int64_t m, std::int64_t n, bool bias, bool residual) const {
    volatile float result = value;
    if (bias) result = result + bias_.data()[n];
    if (residual) result = result + plain_value(residual_.row(m)[n]);
    Out out;
    round_plainly(result, out);
    return out;
  }

  Shape shape_;
  kernels::Matrix<std::int8_t> x_, weight_;
  kernels::Matrix<float> x_scales_, weight_scales_, bias_;
  kernels::Matrix<Out> residual_;
  kernels::Matrix<float> group_scales_;
  kernels::DeviceMatrix<std::int8_t> device_x_, device_weight_;
  kernels::DeviceMatrix<float> device_x_scales_, device_weight_scales_, device_bias_;
  kernels::DeviceMatrix<Out> device_residual_;
  kernels::DeviceMatrix<float> device_group_scales_;
};

}  // namespace pare::test
