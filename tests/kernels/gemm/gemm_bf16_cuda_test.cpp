// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_bf16.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "kernels/core/error.hpp"
#include "kernels/gemm/gemm_bf16_launch.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/gemm/typed_values.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

struct Layer {
  std::int64_t outputs;
  std::int64_t inputs;
};
const Layer layers[] = {{8, 8}, {264, 1000}, {1024, 4096}, {4096, 512}};

class GemmBf16 : public CudaTest {
 protected:
  /// Against sums in double: each of K additions loses at most 2^-23 of a partial sum, which is at most the sum of the
  /// magnitudes (tensor cores cut off instead of rounding); then the output is rounded to u = 2^-8 (2^-24) of itself. Only
  /// cuBLASLt may round to it before it adds the bias and before it adds `out` too: twice more, on what there is by then.
  template <class Out>
  void expect_close(const Layer& layer, std::int64_t rows, bool with_bias, bool accumulate) const {
    const Matrix<BFloat16> x = random_values<BFloat16>(rows, layer.inputs, 1);
    const Matrix<BFloat16> weight = random_values<BFloat16>(layer.outputs, layer.inputs, 2);
    const Matrix<Out> bias = random_values<Out>(1, layer.outputs, 3);
    const Matrix<Out> before = random_values<Out>(rows, layer.outputs, 4);
    const DeviceMatrix<BFloat16> device_x = on_device(x.view(), stream());
    const DeviceMatrix<BFloat16> device_weight = on_device(weight.view(), stream());
    const DeviceMatrix<Out> device_bias = on_device(bias.view(), stream());
    const double unit = sizeof(Out) == 2 ? 0x1p-8 : 0x1p-24;
    struct Expected {
      double sum, once, thrice;  ///< and the tolerances of one and of three roundings
    };
    Matrix<Expected> expected(rows, layer.outputs);
    for (std::int64_t m = 0; m < rows; ++m) {
      for (std::int64_t n = 0; n < layer.outputs; ++n) {
        double sum = 0.0, magnitude = 0.0;
        const auto add = [&](double value) {
          sum += value;
          magnitude += std::abs(value);
        };
        for (std::int64_t k = 0; k < layer.inputs; ++k) {
          add(double{to_float(x.row(m)[k])} * double{to_float(weight.row(n)[k])});
        }
        double earlier = std::abs(sum);
        if (with_bias) add(plain_value(bias.row(0)[n]));
        earlier += std::abs(sum);
        if (accumulate) add(plain_value(before.row(m)[n]));
        const double additions = static_cast<double>(layer.inputs + 2) * 0x1p-23 * magnitude;
        // A rounding of a rounded value: to the second order.
        const double once = additions * (1.0 + unit) + unit * std::abs(sum);
        expected.row(m)[n] = {sum, once, (once + unit * earlier) * (1.0 + 2.0 * unit)};
      }
    }

    for (const Bf16Route route : {Bf16Route::best, Bf16Route::cublaslt}) {
      DeviceMatrix<Out> out =
          accumulate ? on_device(before.view(), stream()) : poisoned_on_device<Out>(rows, layer.outputs);
      const Bf16Gemm gemm(stream(), route);

      gemm.multiply(device_x.view(), device_weight.view(), with_bias ? device_bias.span() : DeviceSpan<const Out>{},
                    out.view(), accumulate, stream());

      const bool ours = route == Bf16Route::best && stream().compute_capability() == 90;
      const bool whole = ours || !(with_bias || accumulate);
      const Matrix<Out> got = on_host(out, stream());
      for (std::int64_t m = 0; m < rows; ++m) {
        for (std::int64_t n = 0; n < layer.outputs; ++n) {
          const Expected& to = expected.row(m)[n];
          ASSERT_NEAR(plain_value(got.row(m)[n]), to.sum, whole ? to.once : to.thrice)
              << "row " << m << ", column " << n << " of " << layer.outputs << " outputs, " << layer.inputs
              << " inputs, " << (ours ? "our kernel" : "cuBLASLt") << (with_bias ? ", bias" : "")
              << (accumulate ? ", accumulated" : "");
        }
      }
    }
  }

  template <class Out>
  void expect_same_rows(const Layer& layer, bool with_bias, bool accumulate) const {
    constexpr std::int64_t most = 2500;
    const DeviceMatrix<BFloat16> x = on_device(random_values<BFloat16>(most, layer.inputs, 5).view(), stream());
    const DeviceMatrix<BFloat16> weight =
        on_device(random_values<BFloat16>(layer.outputs, layer.inputs, 6).view(), stream());
    const DeviceMatrix<Out> bias = on_device(random_values<Out>(1, layer.outputs, 7).view(), stream());
    const Matrix<Out> before = random_values<Out>(most, layer.outputs, 8);
    const DeviceSpan<const Out> bias_or_none = with_bias ? bias.span() : DeviceSpan<const Out>{};
    const auto product_of = [&](std::int64_t first, std::int64_t count, const auto& multiply) {
      DeviceMatrix<Out> out = accumulate ? on_device(before.view().rows_from(first, count), stream())
                                         : poisoned_on_device<Out>(count, layer.outputs);
      multiply(x.view().rows_from(first, count), out.view());
      return on_host(out, stream());
    };
    const auto expect_part = [&](const Matrix<Out>& whole, const char* name, std::int64_t first, std::int64_t count,
                                 const auto& multiply) {
      const Matrix<Out> part = product_of(first, count, multiply);
      Matrix<Out> expected(count, layer.outputs);
      std::memcpy(static_cast<void*>(expected.data()), whole.row(first),
                  static_cast<std::size_t>(expected.size()) * sizeof(Out));
      EXPECT_EQ(difference(part, expected), "") << name << ", " << count << " rows from " << first << " of "
                                                << layer.outputs << " outputs, " << layer.inputs << " inputs";
    };
    for (const Bf16Route route : {Bf16Route::best, Bf16Route::cublaslt}) {
      const Bf16Gemm gemm(stream(), route);
      const auto multiply = [&](DeviceView<const BFloat16> rows, DeviceView<Out> out) {
        gemm.multiply(rows, weight.view(), bias_or_none, out, accumulate, stream());
      };
      const Matrix<Out> whole = product_of(0, most, multiply);
      for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 300},
                                         {17, 1},
                                         {299, 1},
                                         {40, 16},
                                         {100, 37},
                                         {44, 256},
                                         {1999, 129},
                                         {300, 2048}}) {
        expect_part(whole, route == Bf16Route::best ? "best" : "cuBLASLt", first, count, multiply);
      }
      if (route != Bf16Route::best || stream().compute_capability() != 90) continue;
      for (const int columns : {64, 128, 192, 256}) {
        expect_part(whole, "every width", 129, 257, [&](DeviceView<const BFloat16> rows, DeviceView<Out> out) {
          kernels::detail::launch_gemm_bf16_hopper(rows, weight.view(), bias_or_none, out, accumulate, columns,
                                                   stream());
        });
      }
    }
  }
};

TEST_F(GemmBf16, IsCloseToTheSumInDouble) {
  for (const Layer& layer : {layers[0], layers[1]}) {
    for (const std::int64_t rows : {1, 37, 130}) {
      expect_close<float>(layer, rows, false, false);
      expect_close<float>(layer, rows, true, true);
      expect_close<BFloat16>(layer, rows, false, false);
      expect_close<BFloat16>(layer, rows, true, false);
      expect_close<BFloat16>(layer, rows, false, true);
      expect_close<BFloat16>(layer, rows, true, true);
    }
  }
}

TEST_F(GemmBf16, GivesARowWhateverTheOthers) {
  for (const Layer& layer : layers) {
    expect_same_rows<BFloat16>(layer, false, false);
    expect_same_rows<float>(layer, false, false);
  }
}

TEST_F(GemmBf16, GivesARowWhateverTheOthersWithBiasAndSum) {
  expect_same_rows<BFloat16>(layers[1], true, true);
  expect_same_rows<BFloat16>(layers[2], true, false);
  expect_same_rows<BFloat16>(layers[2], false, true);
  expect_same_rows<float>(layers[2], false, true);
}

TEST_F(GemmBf16, ReadsAndWritesPartsOfRows) {
  const Matrix<BFloat16> x = random_values<BFloat16>(19, 96, 9);
  const Matrix<BFloat16> weight = random_values<BFloat16>(40, 80, 10);
  const DeviceMatrix<BFloat16> wide_x = on_device(x.view(), stream());
  const DeviceMatrix<BFloat16> wide_weight = on_device(weight.view(), stream());
  const DeviceMatrix<BFloat16> tight_x = on_device(x.view().cols_from(16, 64), stream());
  const DeviceMatrix<BFloat16> tight_weight = on_device(weight.view().cols_from(8, 64), stream());
  DeviceMatrix<float> wide = poisoned_on_device<float>(19, 64);
  DeviceMatrix<float> tight = poisoned_on_device<float>(19, 40);
  const Bf16Gemm gemm(stream());

  gemm.multiply(wide_x.view().cols_from(16, 64), wide_weight.view().cols_from(8, 64), {}, wide.view().cols_from(8, 40),
                false, stream());
  gemm.multiply(tight_x.view(), tight_weight.view(), {}, tight.view(), false, stream());

  const Matrix<float> got = on_host(wide, stream());
  EXPECT_TRUE(same_bits(got.view().cols_from(8, 40), on_host(tight, stream()).view()));
  const Matrix<float> untouched = on_host(poisoned_on_device<float>(19, 64), stream());
  EXPECT_TRUE(same_bits(got.view().cols_from(0, 8), untouched.view().cols_from(0, 8)));
  EXPECT_TRUE(same_bits(got.view().cols_from(48, 16), untouched.view().cols_from(48, 16)));
}

TEST_F(GemmBf16, NamesWhatDoesNotFit) {
  const DeviceMatrix<BFloat16> x(3, 64), weight(16, 64);
  DeviceMatrix<float> out(3, 24);
  Bf16Gemm first(stream());
  const Bf16Gemm gemm = std::move(first);

  EXPECT_THROW(
      gemm.multiply(x.view(), weight.view().cols_from(0, 56), {}, out.view().cols_from(0, 16), false, stream()),
      InputError);
  EXPECT_THROW(gemm.multiply(x.view(), weight.view(), {}, out.view(), false, stream()), InputError);
  EXPECT_THROW(gemm.multiply(x.view(), weight.view(), {}, out.view().cols_from(1, 16), false, stream()), InputError);
  EXPECT_NO_THROW(gemm.multiply(x.view(), weight.view(), {}, out.view().cols_from(0, 16), false, stream()));
}

}  // namespace
}  // namespace pare::test
