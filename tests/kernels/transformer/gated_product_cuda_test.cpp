// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/gated_product.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/gemm/gemm_bf16.hpp"
#include "kernels/gemm/gemm_int8.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

struct Shape {
  std::int64_t m, n, k;
};

/// Whole tiles, parts of tiles in every direction, few tokens, few outputs, more tiles than an H100 has room for, and rows
/// of the output that end inside of the copy engine's 16 bytes.
constexpr Shape shapes[] = {{128, 128, 128}, {256, 256, 1024}, {300, 520, 1104},  {1, 128, 256},
                            {19, 40, 80},    {130, 100, 512},  {2048, 1792, 512}, {700, 14336, 256}};

Matrix<BFloat16> random_bfloat16(std::int64_t rows, std::int64_t cols, unsigned seed) {
  const Matrix<float> exact = random_matrix(rows, cols, seed);
  Matrix<BFloat16> matrix(rows, cols);
  std::transform(exact.data(), exact.data() + exact.size(), matrix.data(), to_bfloat16);
  return matrix;
}

Matrix<std::int8_t> random_codes(std::int64_t rows, std::int64_t cols, unsigned seed) {
  Matrix<std::int8_t> matrix(rows, cols);
  std::mt19937 generator(seed);
  std::uniform_int_distribution code(-128, 127);
  std::generate_n(matrix.data(), matrix.size(), [&] { return static_cast<std::int8_t>(code(generator)); });
  return matrix;
}

/// Of such a size that products are about 1.
Matrix<float> small_scales(std::int64_t count, unsigned seed) {
  Matrix<float> scales = random_matrix(1, count, seed, 0.002f);
  std::transform(scales.data(), scales.data() + count, scales.data(), [](float x) { return 0.001f + std::abs(x); });
  return scales;
}

class GatedProduct : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (!IsSkipped() && !has_gated_products(stream())) GTEST_SKIP() << "the GPU has no wgmma";
  }

  /// Of the products in binary32. One rounding to bfloat16 is 2^-8 of the value at most; before that the kernel's silu is
  /// within 8 units in the last place (2^-20), and where exp overflows the result may be 0 instead of 1e-37.
  void expect_gated(const Matrix<float>& gate, const Matrix<float>& up, const Matrix<BFloat16>& out) const {
    for (std::int64_t r = 0; r < gate.rows(); ++r) {
      for (std::int64_t c = 0; c < gate.cols(); ++c) {
        const double g = gate.row(r)[c];
        const double expected = g / (1 + std::exp(-g)) * up.row(r)[c];
        ASSERT_NEAR(to_float(out.row(r)[c]), expected, (std::exp2(-8) + std::exp2(-20)) * std::abs(expected) + 1e-30)
            << "row " << r << ", output " << c << " of " << gate.rows() << " x " << gate.cols();
      }
    }
  }

  /// Rows at multiples of 16 bytes, with what must not be touched behind them.
  DeviceMatrix<BFloat16> wide_output(const Shape& shape) const {
    return poisoned_on_device<BFloat16>(shape.m, (shape.n + 15) / 8 * 8);
  }
  void expect_untouched_behind(const Matrix<BFloat16>& wide, std::int64_t n) const {
    for (std::int64_t r = 0; r < wide.rows(); ++r)
      for (std::int64_t c = n; c < wide.cols(); ++c) ASSERT_EQ(wide.row(r)[c].bits, 0xffff) << r << ", " << c;
  }
};

TEST_F(GatedProduct, OfBfloat16IsSwigluOfTheProducts) {
  const Bf16Gemm gemm(stream());
  for (const Shape& shape : shapes) {
    const auto x = on_device(random_bfloat16(shape.m, shape.k, 1).view(), stream());
    const auto gate = on_device(random_bfloat16(shape.n, shape.k, 2).view(), stream());
    const auto up = on_device(random_bfloat16(shape.n, shape.k, 3).view(), stream());
    DeviceMatrix<float> gates(shape.m, shape.n), ups(shape.m, shape.n);
    gemm.multiply(x.view(), gate.view(), DeviceSpan<const float>{}, gates.view(), false, stream());
    gemm.multiply(x.view(), up.view(), DeviceSpan<const float>{}, ups.view(), false, stream());
    DeviceMatrix<BFloat16> out = wide_output(shape);

    gated_product(x.view(), gate.view(), up.view(), out.view().cols_from(0, shape.n), stream());

    const Matrix<BFloat16> result = on_host(out, stream());
    expect_gated(on_host(gates, stream()), on_host(ups, stream()), result);
    expect_untouched_behind(result, shape.n);
  }
}

TEST_F(GatedProduct, OfInt8IsSwigluOfTheScaledProducts) {
  for (const Shape& shape : shapes) {
    const auto x = on_device(random_codes(shape.m, shape.k, 4).view(), stream());
    const auto gate = on_device(random_codes(shape.n, shape.k, 5).view(), stream());
    const auto up = on_device(random_codes(shape.n, shape.k, 6).view(), stream());
    const auto x_scales = on_device(small_scales(shape.m, 7).view(), stream());
    const auto gate_scales = on_device(small_scales(shape.n, 8).view(), stream());
    const auto up_scales = on_device(small_scales(shape.n, 9).view(), stream());
    DeviceMatrix<float> gates(shape.m, shape.n), ups(shape.m, shape.n);
    gemm_int8({x.view(), gate.view()}, {x_scales.span(), gate_scales.span(), {}, {}}, gates.view(), stream());
    gemm_int8({x.view(), up.view()}, {x_scales.span(), up_scales.span(), {}, {}}, ups.view(), stream());
    DeviceMatrix<BFloat16> out = wide_output(shape);

    gated_product({x.view(), x_scales.span()}, {gate.view(), gate_scales.span()}, {up.view(), up_scales.span()},
                  out.view().cols_from(0, shape.n), stream());

    const Matrix<BFloat16> result = on_host(out, stream());
    expect_gated(on_host(gates, stream()), on_host(ups, stream()), result);
    expect_untouched_behind(result, shape.n);
  }
}

TEST_F(GatedProduct, GivesARowWhateverTheOthers) {
  const Shape shape{300, 520, 1104};
  const auto x = on_device(random_bfloat16(shape.m, shape.k, 1).view(), stream());
  const auto gate = on_device(random_bfloat16(shape.n, shape.k, 2).view(), stream());
  const auto up = on_device(random_bfloat16(shape.n, shape.k, 3).view(), stream());
  DeviceMatrix<BFloat16> whole(shape.m, shape.n);
  gated_product(x.view(), gate.view(), up.view(), whole.view(), stream());
  const Matrix<BFloat16> all = on_host(whole, stream());

  for (const std::int64_t count : {1, 16, 130, 256}) {
    const std::int64_t first = (shape.m - count) / 2;
    DeviceMatrix<BFloat16> part(count, shape.n);
    gated_product(x.view().rows_from(first, count), gate.view(), up.view(), part.view(), stream());
    const Matrix<BFloat16> rows = on_host(part, stream());
    for (std::int64_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(rows.data()[i].bits, all.row(first)[i].bits) << count << " rows, value " << i;
  }
}

}  // namespace
}  // namespace pare::test
