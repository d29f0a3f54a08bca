// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "framework/compression/compression_arithmetic.hpp"
#include "framework/compression/device_inverse.hpp"
#include "framework/compression/layer_storage.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/error.hpp"
#include "kernels/quantize/expand.hpp"
#include "tests/framework/compression/plain_algebra.hpp"
#include "tests/kernels/random_matrix.hpp"

/// The GPU's sweeps against the CPU's, which differ in the order of sums: a code differs hardly ever (see
/// CompressionArithmetic), but then half of the row may follow. Allowed is one such row of several hundred, and an output
/// error that is the same within 1e-3.

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Grid;
using kernels::Matrix;
using kernels::MatrixView;
using kernels::SparsityPattern;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Bytes = std::vector<std::byte>;
using Compare = SparsityPattern::Compare;

constexpr double most_differing = 0.002;  ///< share of the weights whose stored values differ
constexpr double error_tolerance = 1e-3;  ///< of the output error, relative

class DeviceArithmetics : public testing::Test {
 protected:
  void SetUp() override {
    if (kernels::device_count() == 0) GTEST_SKIP() << kernels::why_no_device();
    gpu_ = make_compression_arithmetic(0);
  }

  CompressionArithmetic& gpu() const { return *gpu_; }
  CompressionArithmetic& cpu() const { return *cpu_; }

 private:
  std::unique_ptr<CompressionArithmetic> gpu_;
  std::unique_ptr<CompressionArithmetic> cpu_ = make_compression_arithmetic(std::nullopt);
};

/// Some inputs never were active.
Matrix<float> hessian_with_dead_inputs(std::int64_t inputs, unsigned seed) {
  Matrix<float> hessian = random_hessian(inputs, seed);
  for (const std::int64_t dead : {std::int64_t{5}, inputs / 2, inputs - 1})
    for (std::int64_t j = 0; j < inputs; ++j) hessian.row(dead)[j] = hessian.row(j)[dead] = 0.0f;
  return hessian;
}

void expect_alike(const Matrix<float>& on_gpu, const Matrix<float>& on_cpu, const Matrix<float>& weight,
                  const Matrix<float>& hessian, float step = 0.0f) {
  std::int64_t differing = 0;
  for (std::int64_t i = 0; i < weight.size(); ++i) differing += std::abs(on_gpu.data()[i] - on_cpu.data()[i]) > step;
  const double error = output_error(weight.view(), on_gpu.view(), hessian.view());
  const double expected = output_error(weight.view(), on_cpu.view(), hessian.view());
  EXPECT_LE(differing, most_differing * static_cast<double>(weight.size()));
  EXPECT_NEAR(error, expected, error_tolerance * expected);
}

Matrix<float> gptq(CompressionArithmetic& arithmetic, const Matrix<float>& weight, const Matrix<float>& hessian,
                   SweepOrder order, const Grid& grid, const GptqSettings& settings) {
  Bytes packed(static_cast<std::size_t>(packed_layout(grid, weight.rows(), weight.cols()).total_bytes));
  arithmetic.prepare_sweeps(hessian.view(), order)->quantize_gptq(weight.view(), grid, settings, packed);
  Matrix<float> values(weight.rows(), weight.cols());
  expand({grid, weight.rows(), weight.cols(), packed}, values.view());
  return values;
}

struct GptqCase {
  Grid grid;
  std::int64_t rows;
  std::int64_t inputs;
  int block = 128;
};

class DeviceGptq : public DeviceArithmetics, public testing::WithParamInterface<GptqCase> {};

TEST_P(DeviceGptq, AgreesWithTheCpu) {
  const auto& [grid, rows, inputs, block] = GetParam();
  const Matrix<float> hessian = hessian_with_dead_inputs(inputs, 21);
  const Matrix<float> weight = random_matrix(rows, inputs, 22, 0.05f);
  for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
    for (const bool clip : {false, true}) {
      SCOPED_TRACE(testing::Message() << grid.bits << " bits, groups of " << grid.group_size << ", order "
                                      << static_cast<int>(order) << ", clip " << clip);
      const GptqSettings settings{.clip = clip, .block = block};

      const Matrix<float> there = gptq(gpu(), weight, hessian, order, grid, settings);

      expect_alike(there, gptq(cpu(), weight, hessian, order, grid, settings), weight, hessian);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Grids, DeviceGptq,
                         testing::Values(GptqCase{{4, 128, false}, 130, 512}, GptqCase{{4, 0, false}, 70, 96},
                                         GptqCase{{2, 32, false}, 65, 160}, GptqCase{{3, 96, true}, 33, 300},
                                         GptqCase{{3, 200, false}, 33, 300}, GptqCase{{8, 64, true}, 1, 136},
                                         GptqCase{{4, 8, false}, 9, 40, 7}, GptqCase{{4, 0, false, true}, 130, 300},
                                         GptqCase{{5, 0, true, true}, 70, 96}));

struct Pruned {
  SparseWeight sparse;
  Bytes packed;
};

Pruned prune(CompressionArithmetic& arithmetic, const Matrix<float>& weight, const Matrix<float>& hessian,
             const kernels::SparseLayout& layout, int block) {
  Bytes packed(static_cast<std::size_t>(layout.total_bytes));
  SparseWeight sparse = arithmetic.prepare_sweeps(hessian.view(), SweepOrder::natural)
                            ->prune_sparsegpt(weight.view(), layout, {.block = block}, packed);
  return {std::move(sparse), std::move(packed)};
}

struct SparseCase {
  SparsityPattern pattern;
  std::optional<Grid> grid;
  std::int64_t inputs;
  int block = 128;
};

class DeviceSparseGpt : public DeviceArithmetics, public testing::WithParamInterface<SparseCase> {};

TEST_P(DeviceSparseGpt, AgreesWithTheCpu) {
  const auto& [pattern, grid, inputs, block] = GetParam();
  const std::int64_t rows = 70;
  const Matrix<float> hessian = hessian_with_dead_inputs(inputs, 51);
  const Matrix<float> weight = random_matrix(rows, inputs, 52, 0.05f);
  const kernels::SparseLayout layout = kernels::sparse_layout(pattern, grid, rows, inputs);

  const Pruned there = prune(gpu(), weight, hessian, layout, block);

  const Pruned here = prune(cpu(), weight, hessian, layout, block);
  // Weights of up to 0.3 that are not rounded differ by the 2^-24 of binary32 and, far less, the order of sums.
  expect_alike(there.sparse.weight, here.sparse.weight, weight, hessian, grid ? 0.0f : 1e-6f);
  Matrix<float> expanded(rows, inputs);
  expand_sparse(layout, there.packed, expanded.view());
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const float value = there.sparse.weight.data()[i];
    ASSERT_EQ(expanded.data()[i], grid ? value : to_float(kernels::to_bfloat16(value))) << i;
    if (there.sparse.keep.data()[i] == 0) {
      ASSERT_EQ(value, 0.0f) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Patterns, DeviceSparseGpt,
                         testing::Values(SparseCase{{2, 4, 0, Compare::layer}, {}, 200},
                                         SparseCase{{4, 8, 0, Compare::layer}, {}, 136, 20},
                                         SparseCase{{3, 5, 0, Compare::layer}, {}, 150, 64},
                                         SparseCase{{100, 128, 0, Compare::layer}, {}, 256},
                                         SparseCase{{100, 200, 0, Compare::layer}, {}, 400},  // left to the CPU
                                         SparseCase{{0, 0, 0.5, Compare::layer}, {}, 300},
                                         SparseCase{{0, 0, 0.61, Compare::row}, {}, 200, 64},
                                         SparseCase{{2, 4, 0, Compare::layer}, Grid{4, 32, false}, 160},
                                         SparseCase{{3, 5, 0, Compare::layer}, Grid{4, 40, true}, 160, 64},
                                         SparseCase{{0, 0, 0.5, Compare::layer}, Grid{3, 48, false}, 240},
                                         SparseCase{{0, 0, 0.5, Compare::row}, Grid{4, 0, false}, 150, 50}));

TEST_F(DeviceArithmetics, InvertsAsTheCpuDoes) {
  const Matrix<float> hessian = hessian_with_dead_inputs(300, 3);
  CompressionGpu device(0);
  for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
    const InverseHessian expected = invert_hessian(hessian.view(), order);

    const DeviceInverse inverse = invert_on_device(hessian.view(), order, device);

    EXPECT_EQ(inverse.order, expected.order);
    EXPECT_EQ(inverse.dead, expected.dead);
    EXPECT_EQ(inverse.damping, expected.damping);
    const Matrix<double> factor = on_host(inverse.factor, device.stream);
    for (std::int64_t i = 0; i < 300; ++i) {
      EXPECT_EQ(inverse.diagonal[static_cast<std::size_t>(i)], factor.row(i)[i]);
      // The condition of a Hessian damped by 1 % of its mean is some thousand: 1e-9 leaves room for n 2^-53 times that.
      for (std::int64_t j = 0; j < 300; ++j)
        ASSERT_NEAR(factor.row(i)[j], expected.factor.row(i)[j], 1e-9 * expected.factor.row(i)[i]) << i << ", " << j;
    }
  }
}

TEST_F(DeviceArithmetics, RaiseTheDampingAsTheCpuDoes) {
  const float hessian[] = {1.0f, 1.05f, 1.05f, 1.0f};
  CompressionGpu device(0);

  EXPECT_DOUBLE_EQ(invert_on_device({hessian, 2, 2}, SweepOrder::natural, device).damping,
                   invert_hessian({hessian, 2, 2}).damping);
  const float impossible[] = {1.0f, 5.0f, 5.0f, 1.0f};
  EXPECT_THAT(
      [&] {
        gpu().prepare_sweeps({impossible, 2, 2}, SweepOrder::natural);
      },
      ThrowsMessage<InputError>(HasSubstr("not positive definite even with a damping of 1")));
}

TEST_F(DeviceArithmetics, SayWhatIsWrongAsTheCpuDoes) {
  Matrix<float> weight = random_matrix(70, 8, 1);
  const Matrix<float> hessian = random_hessian(8, 1);
  const auto quantize = [&] { gptq(gpu(), weight, hessian, SweepOrder::natural, {4, 0, true}, {}); };
  weight.row(69)[2] = 1e30f;
  EXPECT_THAT(quantize, ThrowsMessage<InputError>(HasSubstr("a binary16 scale is at most 65504")));
  weight.row(68)[1] = NAN;
  EXPECT_THAT(quantize, ThrowsMessage<InputError>(HasSubstr("row 68, column 1 is nan")));
}

TEST_F(DeviceArithmetics, MeasureOutputErrorsWithinTheirBound) {
  constexpr std::int64_t rows = 4099, inputs = 96;  // more rows than one block
  const Matrix<float> hessian = random_hessian(inputs, 7);
  const Matrix<float> change = random_matrix(rows, inputs, 8, 0.01f);
  const auto error = gpu().prepare_output_error(hessian.view());

  const double measured = (*error)(change.view());

  const auto magnitudes = [](const Matrix<float>& matrix) {
    Matrix<float> result(matrix.rows(), matrix.cols());
    std::transform(matrix.data(), matrix.data() + matrix.size(), result.data(), [](float x) { return std::abs(x); });
    return result;
  };
  const std::vector<float> zeros(static_cast<std::size_t>(rows * inputs));
  const MatrixView<const float> none(zeros.data(), rows, inputs);
  EXPECT_NEAR(measured, output_error(none, change.view(), hessian.view()),
              (inputs + 2) * 0x1p-23 * output_error(none, magnitudes(change).view(), magnitudes(hessian).view()));
  EXPECT_EQ(measured, (*error)(change.view()));
  EXPECT_EQ(error->diagonal(), cpu().prepare_output_error(hessian.view())->diagonal());
}

TEST_F(DeviceArithmetics, GiveTheSameBitsTwice) {
  const Matrix<float> hessian = random_hessian(512, 5);
  const Matrix<float> weight = random_matrix(200, 512, 6, 0.05f);
  const Grid grid{4, 128, false};

  const Matrix<float> first = gptq(gpu(), weight, hessian, SweepOrder::activation, grid, {});

  EXPECT_TRUE(same_bits(first.view(), gptq(gpu(), weight, hessian, SweepOrder::activation, grid, {}).view()));
}

}  // namespace
}  // namespace pare::test
