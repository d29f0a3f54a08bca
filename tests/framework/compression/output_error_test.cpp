// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/output_error.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/framework/compression/input_moments.hpp"

namespace pare::test {
namespace {

using framework::HostOutputError;

TEST(OutputError, IsTheTraceByHand) {
  const float hessian[] = {2.0f, 1.0f, 1.0f, 3.0f};
  const float difference[] = {1.0f, 2.0f, -1.0f, 0.5f};

  // (1, 2) H (1, 2) = 2 + 2 * 2 + 12 = 18; (-1, 0.5) H (-1, 0.5) = 2 - 1 + 0.75 = 1.75
  EXPECT_EQ(HostOutputError({hessian, 2, 2})({difference, 2, 2}), 19.75);
  // 2 * 1 + 3 * 4 + 2 * 1 + 3 * 0.25
  EXPECT_EQ(HostOutputError(std::vector<float>{2.0f, 3.0f})({difference, 2, 2}), 16.75);
  EXPECT_EQ(HostOutputError({hessian, 2, 2}).diagonal(), (std::vector<float>{2.0f, 3.0f}));
}

TEST(OutputError, IsTheSquaredErrorOfTheOutputs) {
  const kernels::Matrix<float> x = random_matrix(90, 40, 1);
  const kernels::Matrix<float> difference = random_matrix(700, 40, 2, 0.01f);  // more rows than one block
  const double expected = squared_outputs(x, difference);

  const double error = HostOutputError(hessian_of(x).view())(difference.view());

  // (inputs + 2) * 2^-23 of the sum of magnitudes, which is about 5 times the sum here, and the rounding of H.
  EXPECT_NEAR(error, expected, 5 * 44 * 0x1p-23 * expected);
}

TEST(OutputError, DoesNotDependOnThreads) {
  const kernels::Matrix<float> hessian = hessian_of(random_matrix(90, 40, 1));
  const kernels::Matrix<float> difference = random_matrix(700, 40, 2, 0.01f);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return HostOutputError(hessian.view())(difference.view());
  };

  EXPECT_EQ(with(1), with(3));
}

}  // namespace
}  // namespace pare::test
