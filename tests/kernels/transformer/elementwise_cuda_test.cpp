// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

Matrix<BFloat16> rounded(const Matrix<float>& x) {
  Matrix<BFloat16> y(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.size(); ++i) y.data()[i] = to_bfloat16(x.data()[i]);
  return y;
}

Matrix<float> widened(const Matrix<BFloat16>& x) {
  Matrix<float> y(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.size(); ++i) y.data()[i] = to_float(x.data()[i]);
  return y;
}

template <class T>
bool same_bytes(const Matrix<T>& a, const Matrix<T>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

// A warp's columns, its two vectors, a CTA's 4096, 16384 and more than one chunk of them; odd ones between.
const std::vector<std::int64_t> widths{1, 15, 64, 128, 257, 512, 513, 1000, 4096, 4099, 14336, 16392, 20001};

class ElementwiseCuda : public CudaTest {
 protected:
  template <class T>
  DeviceMatrix<T> there(const Matrix<T>& x) const {
    return on_device(x.view(), stream());
  }
};

TEST_F(ElementwiseCuda, RmsNormAgreesWithBinary64) {
  for (const std::int64_t cols : widths) {
    for (const std::int64_t wider : {std::int64_t{0}, 8 - cols % 8, std::int64_t{3}}) {
      const Matrix<BFloat16> x = rounded(random_matrix(9, cols + wider, 1));
      const Matrix<float> values = widened(x);
      const Matrix<float> weight = random_matrix(1, cols, 2);
      const DeviceMatrix<BFloat16> x_there = there(x);
      const DeviceMatrix<float> values_there = there(values);
      const DeviceMatrix<float> weight_there = there(weight);
      DeviceMatrix<float> wide = poisoned_on_device<float>(9, cols + wider);
      DeviceMatrix<float> of_float = poisoned_on_device<float>(9, cols + wider);
      DeviceMatrix<BFloat16> narrow = poisoned_on_device<BFloat16>(9, cols + wider);
      DeviceMatrix<BFloat16> narrow_of_float = poisoned_on_device<BFloat16>(9, cols + wider);

      rms_norm(x_there.view().cols_from(0, cols), weight_there.span(), 1e-5f, wide.view().cols_from(0, cols), stream());
      rms_norm(values_there.view().cols_from(0, cols), weight_there.span(), 1e-5f, of_float.view().cols_from(0, cols),
               stream());
      rms_norm(x_there.view().cols_from(0, cols), weight_there.span(), 1e-5f, narrow.view().cols_from(0, cols),
               stream());
      rms_norm(values_there.view().cols_from(0, cols), weight_there.span(), 1e-5f,
               narrow_of_float.view().cols_from(0, cols), stream());

      const Matrix<float> out = on_host(wide, stream());
      const Matrix<BFloat16> out_narrow = on_host(narrow, stream());
      EXPECT_TRUE(same_bytes(out, on_host(of_float, stream()))) << "the type in memory changed the sum";
      EXPECT_TRUE(same_bytes(out_narrow, on_host(narrow_of_float, stream())));
      for (std::int64_t t = 0; t < 9; ++t) {
        double squares = 0.0;
        for (std::int64_t c = 0; c < cols; ++c) squares += double{values.row(t)[c]} * double{values.row(t)[c]};
        const double factor = 1.0 / std::sqrt(squares / static_cast<double>(cols) + 1e-5);
        for (std::int64_t c = 0; c < cols; ++c) {
          // A thread adds at most 16 squares a chunk of two, a warp and a CTA 4 + 5 + 15 more: fewer than 64 roundings
          // of terms of one sign, halved by the square root; seven more roundings follow: below 40 * 2^-24 relative.
          const double expected = values.row(t)[c] * factor * weight.data()[c];
          ASSERT_NEAR(out.row(t)[c], expected, 0x1p-18 * std::abs(expected)) << t << ", " << c << " of " << cols;
          ASSERT_EQ(out_narrow.row(t)[c].bits, to_bfloat16(out.row(t)[c]).bits);
        }
        for (std::int64_t c = cols; c < cols + wider; ++c) {
          ASSERT_TRUE(std::isnan(out.row(t)[c]));
          ASSERT_EQ(out_narrow.row(t)[c].bits, 0xffffu);
        }
      }
    }
  }
}

TEST_F(ElementwiseCuda, RmsNormWorksInPlaceAndOnHeadsOfAWiderMatrix) {
  // Five tokens of 3 heads of 128 beside other columns: [tokens, 3 * 128 + 64] seen head by head.
  const Matrix<BFloat16> x = rounded(random_matrix(5, 448, 1));
  const Matrix<float> weight = random_matrix(1, 128, 2);
  const DeviceMatrix<float> weight_there = there(weight);
  DeviceMatrix<BFloat16> in_place = there(x);
  for (int head = 0; head < 3; ++head) {
    const DeviceMatrix<BFloat16> x_there = there(x);
    DeviceMatrix<BFloat16> apart = poisoned_on_device<BFloat16>(5, 128);
    const DeviceView<BFloat16> columns = in_place.view().cols_from(head * 128, 128);

    rms_norm(x_there.view().cols_from(head * 128, 128), weight_there.span(), 1e-6f, apart.view(), stream());
    rms_norm(columns, weight_there.span(), 1e-6f, columns, stream());

    EXPECT_TRUE(same_bytes(on_host(apart, stream()), on_host<BFloat16>(columns, stream())));
  }
  const Matrix<BFloat16> after = on_host(in_place, stream());
  for (std::int64_t t = 0; t < 5; ++t) {
    EXPECT_EQ(std::memcmp(after.row(t) + 384, x.row(t) + 384, 64 * sizeof(BFloat16)), 0);
  }
}

TEST_F(ElementwiseCuda, NormAndQuantizationFusedEqualOneAfterTheOther) {
  for (const std::int64_t cols : widths) {
    Matrix<float> values = random_matrix(7, cols, 1);
    for (std::int64_t c = 0; c < cols; ++c) values.row(3)[c] = 0.0f;
    values.row(4)[cols / 2] = NAN;
    const Matrix<BFloat16> x = rounded(values);
    const DeviceMatrix<BFloat16> x_there = there(x);
    const DeviceMatrix<float> values_there = there(values);
    const DeviceMatrix<float> weight = there(random_matrix(1, cols, 2));
    Matrix<float> positive = random_matrix(1, cols, 3);
    for (std::int64_t c = 0; c < cols; ++c) positive.data()[c] = 0.5f + std::abs(positive.data()[c]);
    const DeviceMatrix<float> divisors = there(positive);
    for (const DeviceInt8Input& input :
         {DeviceInt8Input{}, DeviceInt8Input{{}, 0.03f}, DeviceInt8Input{divisors.span(), 0.0f}}) {
      for (const bool narrow : {true, false}) {
        DeviceMatrix<float> normed = poisoned_on_device<float>(7, cols);
        DeviceMatrix<std::int8_t> codes = poisoned_on_device<std::int8_t>(7, cols);
        DeviceMatrix<std::int8_t> fused_codes = poisoned_on_device<std::int8_t>(7, cols);
        DeviceMatrix<float> scales = poisoned_on_device<float>(1, 7);
        DeviceMatrix<float> fused_scales = poisoned_on_device<float>(1, 7);

        if (narrow) {
          rms_norm(x_there.view(), weight.span(), 1e-5f, normed.view(), stream());
          rms_norm_int8(x_there.view(), weight.span(), 1e-5f, input, fused_codes.view(), fused_scales.span(), stream());
        } else {
          rms_norm(values_there.view(), weight.span(), 1e-5f, normed.view(), stream());
          rms_norm_int8(values_there.view(), weight.span(), 1e-5f, input, fused_codes.view(), fused_scales.span(),
                        stream());
        }
        quantize_tokens_int8(std::as_const(normed).view(), input, codes.view(), scales.span(), stream());

        EXPECT_TRUE(same_bytes(on_host(codes, stream()), on_host(fused_codes, stream()))) << cols;
        EXPECT_TRUE(same_bytes(on_host(scales, stream()), on_host(fused_scales, stream()))) << cols;
      }
    }
  }
}

TEST_F(ElementwiseCuda, SwigluAgreesWithBinary64) {
  for (const std::int64_t cols : widths) {
    for (const std::int64_t wider : {std::int64_t{0}, 8 - cols % 8, std::int64_t{3}}) {
      const Matrix<BFloat16> gate = rounded(random_matrix(5, cols + wider, 1, 8.0f));
      const Matrix<BFloat16> up = rounded(random_matrix(5, cols + wider, 2));
      const DeviceMatrix<BFloat16> gate_there = there(gate);
      const DeviceMatrix<BFloat16> up_there = there(up);
      DeviceMatrix<float> wide = poisoned_on_device<float>(5, cols + wider);
      DeviceMatrix<BFloat16> narrow = there(gate);

      swiglu(gate_there.view().cols_from(0, cols), up_there.view().cols_from(0, cols), wide.view().cols_from(0, cols),
             stream());
      swiglu(narrow.view().cols_from(0, cols), up_there.view().cols_from(0, cols), narrow.view().cols_from(0, cols),
             stream());

      const Matrix<float> out = on_host(wide, stream());
      const Matrix<BFloat16> out_narrow = on_host(narrow, stream());
      for (std::int64_t t = 0; t < 5; ++t) {
        for (std::int64_t c = 0; c < cols; ++c) {
          const double x = to_float(gate.row(t)[c]);
          const double expected = x / (1.0 + std::exp(-x)) * to_float(up.row(t)[c]);
          // expf within 2 units in the last place, a sum, a division within 2, a product: below 8 * 2^-23 relative.
          ASSERT_NEAR(out.row(t)[c], expected, 0x1p-20 * std::abs(expected)) << "x = " << x;
          ASSERT_EQ(out_narrow.row(t)[c].bits, to_bfloat16(out.row(t)[c]).bits);
        }
        for (std::int64_t c = cols; c < cols + wider; ++c) {
          ASSERT_TRUE(std::isnan(out.row(t)[c]));
          ASSERT_EQ(out_narrow.row(t)[c].bits, gate.row(t)[c].bits);
        }
      }
    }
  }
}

TEST_F(ElementwiseCuda, SwigluIsZeroFarBelowAndTheGateFarAbove) {
  Matrix<float> gates(1, 5);
  const float values[] = {-1000.0f, -96.0f, 0.0f, 96.0f, 1e30f};
  std::copy_n(values, 5, gates.data());
  Matrix<float> ones(1, 5);
  std::fill_n(ones.data(), 5, 1.0f);
  const Matrix<BFloat16> gate = rounded(gates);
  DeviceMatrix<float> out = poisoned_on_device<float>(1, 5);

  swiglu(there(gate).view(), there(rounded(ones)).view(), out.view(), stream());

  const Matrix<float> read = on_host(out, stream());
  EXPECT_EQ(read.data()[0], 0.0f);
  EXPECT_NEAR(read.data()[1], 0.0f, 1e-36f);
  EXPECT_EQ(read.data()[2], 0.0f);
  EXPECT_EQ(read.data()[3], 96.0f);
  EXPECT_EQ(read.data()[4], to_float(gate.data()[4]));
}

TEST_F(ElementwiseCuda, SwigluAndQuantizationFusedEqualOneAfterTheOther) {
  for (const std::int64_t cols : widths) {
    const DeviceMatrix<BFloat16> gate = there(rounded(random_matrix(7, cols, 1, 4.0f)));
    const DeviceMatrix<BFloat16> up = there(rounded(random_matrix(7, cols, 2)));
    DeviceMatrix<float> product = poisoned_on_device<float>(7, cols);
    DeviceMatrix<std::int8_t> codes = poisoned_on_device<std::int8_t>(7, cols);
    DeviceMatrix<std::int8_t> fused_codes = poisoned_on_device<std::int8_t>(7, cols);
    DeviceMatrix<float> scales = poisoned_on_device<float>(1, 7);
    DeviceMatrix<float> fused_scales = poisoned_on_device<float>(1, 7);

    swiglu(gate.view(), up.view(), product.view(), stream());
    quantize_tokens_int8(std::as_const(product).view(), {}, codes.view(), scales.span(), stream());
    swiglu_int8(gate.view(), up.view(), {}, fused_codes.view(), fused_scales.span(), stream());

    EXPECT_TRUE(same_bytes(on_host(codes, stream()), on_host(fused_codes, stream()))) << cols;
    EXPECT_TRUE(same_bytes(on_host(scales, stream()), on_host(fused_scales, stream()))) << cols;
  }
}

TEST_F(ElementwiseCuda, RowsDoNotDependOnOtherRows) {
  for (const std::int64_t cols : {128, 4096, 14336}) {
    const Matrix<BFloat16> x = rounded(random_matrix(70, cols, 1));
    const DeviceMatrix<BFloat16> x_there = there(x);
    const DeviceMatrix<float> weight = there(random_matrix(1, cols, 2));
    DeviceMatrix<float> all = poisoned_on_device<float>(70, cols);
    DeviceMatrix<float> one = poisoned_on_device<float>(1, cols);
    rms_norm(x_there.view(), weight.span(), 1e-5f, all.view(), stream());
    for (const std::int64_t t : {0, 1, 68, 69}) {
      rms_norm(x_there.view().rows_from(t, 1), weight.span(), 1e-5f, one.view(), stream());

      EXPECT_TRUE(same_bits(on_host(one, stream()).view(),
                            on_host<float>(std::as_const(all).view().rows_from(t, 1), stream()).view()));
    }
  }
}

/// The two products and their sum rounded each, which the compiler may not contract.
float turned(float a, float cosine, float b, float sine, float sign) {
  const volatile float first = a * cosine;
  const volatile float second = b * sine;
  const volatile float result = first + sign * second;
  return result;
}

TEST_F(ElementwiseCuda, RopeTurnsEveryPairAsStated) {
  for (const std::int64_t half : {1, 20, 32, 64}) {
    std::vector<double> frequencies(static_cast<std::size_t>(half));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      frequencies[i] = std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
    }
    const RopeTable table(frequencies, 3000);
    const DeviceRopeTable table_there(table, stream());
    const std::vector<std::int32_t> positions{0, 17, 2999, 3, 1024, 1, 700};
    const DeviceMatrix<std::int32_t> positions_there = on_device(std::span<const std::int32_t>(positions), stream());
    for (const std::int64_t heads : {1, 4, 7, 32}) {
      const std::int64_t cols = heads * 2 * half;
      for (const std::int64_t wider : {0, 16, 3}) {
        const Matrix<BFloat16> narrow = rounded(random_matrix(7, cols + wider, 1));
        const Matrix<float> x = widened(narrow);
        DeviceMatrix<float> wide_there = there(x);
        DeviceMatrix<BFloat16> narrow_there = there(narrow);

        apply_rope(table_there, positions_there.span(), heads, wide_there.view().cols_from(0, cols), stream());
        apply_rope(table_there, positions_there.span(), heads, narrow_there.view().cols_from(0, cols), stream());

        Matrix<float> expected(7, cols + wider);
        for (std::int64_t t = 0; t < 7; ++t) {
          std::copy_n(x.row(t), cols + wider, expected.row(t));
          for (std::int64_t h = 0; h < heads; ++h) {
            for (std::int64_t i = 0; i < half; ++i) {
              const float cosine = table.cosines(positions[static_cast<std::size_t>(t)])[i];
              const float sine = table.sines(positions[static_cast<std::size_t>(t)])[i];
              const float a = x.row(t)[h * 2 * half + i];
              const float b = x.row(t)[h * 2 * half + half + i];
              expected.row(t)[h * 2 * half + i] = turned(a, cosine, b, sine, -1.0f);
              expected.row(t)[h * 2 * half + half + i] = turned(b, cosine, a, sine, 1.0f);
            }
          }
        }
        EXPECT_TRUE(same_bits(on_host(wide_there, stream()).view(), expected.view())) << half << ", " << heads;
        EXPECT_TRUE(same_bytes(on_host(narrow_there, stream()), rounded(expected))) << half << ", " << heads;
      }
    }
  }
}

TEST_F(ElementwiseCuda, EmbedCopiesTheRowOfEachId) {
  for (const std::int64_t cols : {1, 33, 512, 4096, 4104}) {
    const Matrix<BFloat16> table = rounded(random_matrix(10, cols, 1));
    const DeviceMatrix<BFloat16> table_there = there(table);
    const std::vector<std::uint32_t> ids{9, 0, 3, 3, 10, 0xffffffffu};
    const DeviceMatrix<std::uint32_t> ids_there = on_device(std::span<const std::uint32_t>(ids), stream());
    DeviceMatrix<BFloat16> narrow = poisoned_on_device<BFloat16>(6, cols);
    DeviceMatrix<float> wide = poisoned_on_device<float>(6, cols);

    embed(table_there.view(), ids_there.span(), narrow.view(), stream());
    embed(table_there.view(), ids_there.span(), wide.view(), stream());

    const Matrix<BFloat16> out = on_host(narrow, stream());
    const Matrix<float> out_wide = on_host(wide, stream());
    for (std::int64_t t = 0; t < 4; ++t) {
      const BFloat16* row = table.row(ids[static_cast<std::size_t>(t)]);
      for (std::int64_t c = 0; c < cols; ++c) {
        ASSERT_EQ(out.row(t)[c].bits, row[c].bits) << t << ", " << c;
        ASSERT_EQ(out_wide.row(t)[c], to_float(row[c])) << t << ", " << c;
      }
    }
    for (const std::int64_t missing : {4, 5}) {
      for (std::int64_t c = 0; c < cols; ++c) {
        ASSERT_TRUE(std::isnan(to_float(out.row(missing)[c])));
        ASSERT_TRUE(std::isnan(out_wide.row(missing)[c]));
      }
    }
  }
}

}  // namespace
}  // namespace pare::test
