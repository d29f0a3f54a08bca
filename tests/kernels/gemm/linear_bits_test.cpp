// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "kernels/gemm/linear.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

constexpr std::int64_t all_rows = 4096;

LinearWeights make_weights(std::int64_t outputs, std::int64_t inputs, Precision precision) {
  const Matrix<float> weight = random_matrix(outputs, inputs, 1);
  if (precision != Precision::int8) return LinearWeights::from_float(weight.view(), precision);
  Matrix<std::int8_t> codes(outputs, inputs);
  for (std::int64_t i = 0; i < codes.size(); ++i) {
    codes.data()[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(40.0f * weight.data()[i]), -128.0f, 127.0f));
  }
  const std::vector<float> scales(static_cast<std::size_t>(outputs), 0.025f);
  return LinearWeights::from_int8(codes.view(), scales);
}

class LinearBits : public testing::TestWithParam<std::tuple<Precision, std::pair<int, int>>> {};

/// Every row is computed as one of 1, 7, 16, ... rows, by 1 and by 2 threads, and must always come out the
/// same.
TEST_P(LinearBits, DependOnTheRowAlone) {
  const auto [precision, shape] = GetParam();
  const auto [outputs, inputs] = shape;
  const Matrix<float> x = random_matrix(all_rows, inputs, 2);
  const Matrix<float> start = random_matrix(all_rows, outputs, 3);
  const Matrix<float> bias = random_matrix(1, outputs, 4);
  const LinearWeights weights = make_weights(outputs, inputs, precision);

  for (const bool accumulate : {false, true}) {
    Matrix<float> expected = poisoned_matrix(all_rows, outputs);
    if (accumulate) std::copy_n(start.data(), start.size(), expected.data());
    weights.apply(x.view(), {bias.data(), static_cast<std::size_t>(outputs)}, expected.view(), accumulate);
    for (const int threads : {1, 2}) {
      const WithThreads with_threads(threads);
      for (const std::int64_t rows : {1, 7, 16, 256, 500, 1024, 4096}) {
        Matrix<float> out = poisoned_matrix(rows, outputs);
        for (const std::int64_t first : {std::int64_t{0}, all_rows - rows}) {
          if (accumulate) std::copy_n(start.row(first), out.size(), out.data());

          weights.apply(x.view().rows_from(first, rows), {bias.data(), static_cast<std::size_t>(outputs)}, out.view(),
                        accumulate);

          ASSERT_TRUE(same_bits(out.view(), expected.view().rows_from(first, rows)))
              << rows << " rows from " << first << ", " << threads << " threads, accumulate " << accumulate;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ShapesOfModels, LinearBits,
                         testing::Combine(testing::Values(Precision::f32, Precision::bf16, Precision::int8),
                                          testing::Values(std::pair{64, 64}, std::pair{172, 64}, std::pair{64, 172},
                                                          std::pair{256, 256}, std::pair{768, 256}, std::pair{256, 768},
                                                          std::pair{512, 64}, std::pair{1024, 256}, std::pair{1, 3},
                                                          std::pair{40, 2500})));

}  // namespace
}  // namespace pare::test
