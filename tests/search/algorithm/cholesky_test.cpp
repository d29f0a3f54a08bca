// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/cholesky.hpp"

#include <gtest/gtest.h>

namespace pare::test {
namespace {

TEST(Cholesky, SolvesTheSystem) {
  const search::Cholesky factor({4, 0, 0, 2, 5, 0, 1, 3, 6}, 3);

  const std::vector<double> x = factor.solve({4 + 4 + 3, 2 + 10 + 9, 1 + 6 + 18});

  EXPECT_NEAR(x[0], 1, 1e-12);
  EXPECT_NEAR(x[1], 2, 1e-12);
  EXPECT_NEAR(x[2], 3, 1e-12);
}

TEST(Cholesky, GivesDrawsTheCovarianceOfTheInverse) {
  const search::Cholesky factor({4, 0, 2, 5}, 2);

  const std::vector<double> a = factor.solve_transposed({1, 0});
  const std::vector<double> b = factor.solve_transposed({0, 1});

  EXPECT_NEAR(a[0] * a[0] + b[0] * b[0], 5.0 / 16, 1e-12);
  EXPECT_NEAR(a[0] * a[1] + b[0] * b[1], -2.0 / 16, 1e-12);
  EXPECT_NEAR(a[1] * a[1] + b[1] * b[1], 4.0 / 16, 1e-12);
}

}  // namespace
}  // namespace pare::test
