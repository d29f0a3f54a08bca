// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/quantize/quantize_tokens.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

class QuantizeTokensCuda : public CudaTest {
 protected:
  /// That the GPU makes of x [.., cols + wider], but for the last columns, what the host does.
  template <class T>
  void expect_equal(const Matrix<T>& x, const Matrix<float>& values, std::int64_t cols, const Int8Input& input) const {
    Matrix<std::int8_t> codes(x.rows(), cols);
    std::vector<float> scales(static_cast<std::size_t>(x.rows()));
    quantize_tokens_int8(values.view().cols_from(0, cols), input, codes.view(), scales);
    const DeviceMatrix<T> there = on_device(x.view(), stream());
    DeviceMatrix<float> divisors;
    DeviceInt8Input device_input{{}, input.static_scale};
    if (!input.divisors.empty()) {
      divisors = on_device(std::span<const float>(input.divisors), stream());
      device_input.divisors = divisors.span();
    }
    DeviceMatrix<std::int8_t> out = poisoned_on_device<std::int8_t>(x.rows(), x.cols());
    DeviceMatrix<float> out_scales = poisoned_on_device<float>(1, x.rows());

    quantize_tokens_int8(there.view().cols_from(0, cols), device_input, out.view().cols_from(0, cols),
                         out_scales.span(), stream());

    const Matrix<std::int8_t> read = on_host(out, stream());
    const Matrix<float> read_scales = on_host(out_scales, stream());
    for (std::int64_t t = 0; t < x.rows(); ++t) {
      const float scale = scales[static_cast<std::size_t>(t)];
      if (std::isnan(scale)) {
        ASSERT_TRUE(std::isnan(read_scales.data()[t]));
      } else {
        ASSERT_EQ(read_scales.data()[t], scale) << t;
      }
      for (std::int64_t k = 0; k < cols; ++k)
        ASSERT_EQ(read.row(t)[k], codes.row(t)[k]) << t << ", " << k << " of " << cols;
      for (std::int64_t k = cols; k < x.cols(); ++k) ASSERT_EQ(read.row(t)[k], -1);
    }
  }
};

/// Random rows, and rows of zeros, tiny, huge and not finite values.
Matrix<float> hard_rows(std::int64_t cols, unsigned seed) {
  Matrix<float> x = random_matrix(12, cols, seed);
  const float factors[] = {1.0f, 0.0f, 1e-40f, 1e-30f, 1e30f, 1e37f, 1.0f, 1.0f, 1.0f, 100.0f};
  for (std::int64_t t = 0; t < 10; ++t) {
    for (std::int64_t k = 0; k < cols; ++k) x.row(t)[k] *= factors[t];
  }
  x.row(6)[cols / 2] = NAN;
  x.row(7)[cols - 1] = -INFINITY;
  x.row(8)[0] = std::numeric_limits<float>::max();
  return x;
}

// A warp's columns, its two vectors, a CTA's 4096, 16384 and more than one chunk of them; odd ones between.
const std::vector<std::int64_t> widths{1, 15, 64, 257, 512, 513, 1000, 4096, 4099, 14336, 16392, 20001};

TEST_F(QuantizeTokensCuda, EqualsTheHostBitForBit) {
  for (const std::int64_t cols : widths) {
    for (const std::int64_t wider : {std::int64_t{0}, 16 - cols % 16, std::int64_t{3}}) {
      const Matrix<float> x = hard_rows(cols + wider, 1);
      Matrix<BFloat16> rounded(x.rows(), x.cols());
      Matrix<float> widened(x.rows(), x.cols());
      for (std::int64_t i = 0; i < x.size(); ++i) {
        rounded.data()[i] = to_bfloat16(x.data()[i]);
        widened.data()[i] = to_float(rounded.data()[i]);
      }
      std::vector<float> divisors(static_cast<std::size_t>(cols));
      for (std::size_t k = 0; k < divisors.size(); ++k) divisors[k] = 0.5f + 0.01f * static_cast<float>(k % 97);
      for (const Int8Input& input :
           {Int8Input{}, Int8Input{{}, 0.02f}, Int8Input{divisors, 0.0f}, Int8Input{divisors, 1e-3f}}) {
        ASSERT_NO_FATAL_FAILURE(expect_equal(x, x, cols, input));
        ASSERT_NO_FATAL_FAILURE(expect_equal(rounded, widened, cols, input));
      }
    }
  }
}

TEST_F(QuantizeTokensCuda, RoundsTiesAsTheHostDoes) {
  // The maximum makes the scale; the others are ties and their neighbours.
  const std::int64_t cols = 4096;
  Matrix<float> x(8, cols);
  const float scales[] = {1.0f, 0.75f, 0.1f, 3e-5f, 1.9999999f, 7.3f, 1e-20f, 1e20f};
  for (std::int64_t t = 0; t < 8; ++t) {
    for (std::int64_t k = 0; k < cols; ++k) {
      const float tie = (static_cast<float>(k % 253) - 126.0f + 0.5f) * scales[t];
      x.row(t)[k] = k % 3 == 0 ? tie : std::nextafter(tie, k % 3 == 1 ? INFINITY : -INFINITY);
    }
    x.row(t)[17] = 127.0f * scales[t];
  }

  expect_equal(x, x, cols, {});
}

TEST_F(QuantizeTokensCuda, ARowDoesNotDependOnTheOthers) {
  for (const std::int64_t cols : {172, 4096, 14336}) {
    const Matrix<float> x = random_matrix(70, cols, 2);
    const DeviceMatrix<float> there = on_device(x.view(), stream());
    DeviceMatrix<std::int8_t> all = poisoned_on_device<std::int8_t>(70, cols);
    DeviceMatrix<float> all_scales = poisoned_on_device<float>(1, 70);
    DeviceMatrix<std::int8_t> one = poisoned_on_device<std::int8_t>(1, cols);
    DeviceMatrix<float> one_scale = poisoned_on_device<float>(1, 1);
    quantize_tokens_int8(there.view(), {}, all.view(), all_scales.span(), stream());
    const Matrix<std::int8_t> codes = on_host(all, stream());
    const Matrix<float> scales = on_host(all_scales, stream());
    for (const std::int64_t t : {0, 1, 68, 69}) {
      quantize_tokens_int8(there.view().rows_from(t, 1), {}, one.view(), one_scale.span(), stream());

      EXPECT_EQ(std::memcmp(on_host(one, stream()).data(), codes.row(t), static_cast<std::size_t>(cols)), 0);
      EXPECT_EQ(on_host(one_scale, stream()).data()[0], scales.data()[t]);
    }
  }
}

}  // namespace
}  // namespace pare::test
