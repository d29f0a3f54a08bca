// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/inverse_hessian.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/core/error.hpp"
#include "tests/framework/compression/plain_algebra.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Matrix;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(InverseHessian, FactorsByHand) {
  // Diagonal 1 and 3, damping 1/2 of the mean 2: H' = diag(2, 4), U = diag(1 / sqrt 2, 1 / 2).
  const float hessian[] = {1.0f, 0.0f, 0.0f, 3.0f};

  const InverseHessian inverse = invert_hessian({hessian, 2, 2}, SweepOrder::natural, 0.5);

  EXPECT_DOUBLE_EQ(inverse.factor.row(0)[0], 1.0 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(inverse.factor.row(0)[1], 0.0);
  EXPECT_DOUBLE_EQ(inverse.factor.row(1)[0], 0.0);
  EXPECT_DOUBLE_EQ(inverse.factor.row(1)[1], 0.5);
  EXPECT_EQ(inverse.damping, 0.5);
  EXPECT_THAT(inverse.order, ElementsAre(0, 1));
}

class InverseHessianSizes : public testing::TestWithParam<std::int64_t> {};

TEST_P(InverseHessianSizes, EqualsTheUpperFactorOfThePlainInverse) {
  const Matrix<float> hessian = random_hessian(GetParam(), 11);
  const Square expected = plain_upper_cholesky(plain_inverse(damped(hessian, 0.01)));

  const InverseHessian inverse = invert_hessian(hessian.view());

  // Both ways err by about condition * eps relative to the row's diagonal. The condition is at most trace / smallest
  // eigenvalue <= n mean / (0.01 mean) = 100 n.
  const double relative = 100.0 * static_cast<double>(GetParam() * GetParam()) * 0x1p-53;
  for (std::int64_t i = 0; i < GetParam(); ++i) {
    for (std::int64_t j = 0; j < GetParam(); ++j) {
      ASSERT_NEAR(inverse.factor.row(i)[j], expected(i, j), relative * expected(0, 0)) << i << ", " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, InverseHessianSizes, testing::Values(1, 2, 64, 129, 200));

TEST(InverseHessian, ReadsOnlyTheLowerTriangle) {
  const Matrix<float> hessian = random_hessian(40, 2);
  Matrix<float> half = random_hessian(40, 2);
  for (std::int64_t i = 0; i < 40; ++i) std::fill(half.row(i) + i + 1, half.row(i) + 40, 0.5f);

  for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
    const InverseHessian whole = invert_hessian(hessian.view(), order);
    const InverseHessian lower = invert_hessian(half.view(), order);
    EXPECT_EQ(std::memcmp(whole.factor.data(), lower.factor.data(), 40 * 40 * sizeof(double)), 0);
  }
}

TEST(InverseHessian, ActivationOrderIsDescendingAndPermutesTheFactor) {
  Matrix<float> hessian = random_hessian(60, 4);
  for (std::int64_t j = 0; j < 60; ++j) hessian.row(9)[j] = hessian.row(j)[9] = 0.0f;  // dead: the last

  const InverseHessian inverse = invert_hessian(hessian.view(), SweepOrder::activation);

  Matrix<float> permuted(60, 60);
  for (std::int64_t i = 0; i < 60; ++i) {
    for (std::int64_t j = 0; j < 60; ++j) {
      permuted.row(i)[j] =
          hessian.row(inverse.order[static_cast<std::size_t>(i)])[inverse.order[static_cast<std::size_t>(j)]];
    }
  }
  for (std::int64_t i = 1; i < 60; ++i) EXPECT_GE(permuted.row(i - 1)[i - 1], permuted.row(i)[i]);
  EXPECT_EQ(inverse.order.back(), 9);
  const InverseHessian natural = invert_hessian(permuted.view());
  EXPECT_EQ(std::memcmp(natural.factor.data(), inverse.factor.data(), 60 * 60 * sizeof(double)), 0);
}

TEST(InverseHessian, EqualDiagonalsKeepTheirOrder) {
  const float hessian[] = {1, 0, 0, 0, 2, 0, 0, 0, 1};

  EXPECT_THAT(invert_hessian({hessian, 3, 3}, SweepOrder::activation).order, ElementsAre(1, 0, 2));
}

TEST(InverseHessian, GivesDeadInputsTheDiagonalOne) {
  // Mean over the live inputs: 4. H' = diag(4.4, 1.4, 4.4) with damping 0.1.
  const float hessian[] = {4, 0, 0, 0, 0, 0, 0, 0, 4};

  const InverseHessian inverse = invert_hessian({hessian, 3, 3}, SweepOrder::natural, 0.1);

  EXPECT_THAT(inverse.dead, ElementsAre(0, 1, 0));
  EXPECT_DOUBLE_EQ(inverse.factor.row(0)[0], 1.0 / std::sqrt(4.4));
  EXPECT_DOUBLE_EQ(inverse.factor.row(1)[1], 1.0 / std::sqrt(1.4));

  const float nothing[] = {0, 0, 0, 0};
  const InverseHessian all_dead = invert_hessian({nothing, 2, 2});
  EXPECT_THAT(all_dead.dead, ElementsAre(1, 1));
  EXPECT_DOUBLE_EQ(all_dead.factor.row(1)[1], 1.0);
}

TEST(InverseHessian, RaisesTheDampingAndReportsIt) {
  // Eigenvalues 2.05 and -0.05: 0.01 is too little, ten times that is enough.
  const float hessian[] = {1.0f, 1.05f, 1.05f, 1.0f};

  EXPECT_DOUBLE_EQ(invert_hessian({hessian, 2, 2}).damping, 0.1);
  EXPECT_DOUBLE_EQ(invert_hessian({hessian, 2, 2}, SweepOrder::natural, 0.06).damping, 0.06);
}

TEST(InverseHessian, SaysWhatIsWrong) {
  const auto message_of = [](std::vector<float> values, std::int64_t cols, double damping) {
    return [values, cols, damping] {
      invert_hessian({values.data(), static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(cols, 1), cols},
                     SweepOrder::natural, damping);
    };
  };
  EXPECT_THAT(message_of({1, 5, 5, 1}, 2, 0.05),
              ThrowsMessage<InputError>(AllOf(HasSubstr("Hessian of 2 inputs is not positive definite"),
                                              HasSubstr("even with a damping of 1 of"))));
  EXPECT_THAT(message_of({1, NAN, 0, 1}, 2, 0.01), ThrowsMessage<InputError>(HasSubstr("row 0, column 1 is nan")));
  EXPECT_THAT(message_of({1, 0, INFINITY, 1}, 2, 0.01), ThrowsMessage<InputError>(HasSubstr("row 1, column 0 is inf")));
  EXPECT_THAT(message_of({1, 0, 0, -2}, 2, 0.01), ThrowsMessage<InputError>(HasSubstr("diagonal entry 1 is -2")));
  EXPECT_THAT(message_of({1, 0, 0}, 1, 0.01), ThrowsMessage<InputError>(HasSubstr("Hessian of 3 x 1")));
  EXPECT_THAT(message_of({}, 0, 0.01), ThrowsMessage<InputError>(HasSubstr("Hessian of 0 x 0")));
  for (const double damping : {0.0, -1.0, 1.5, std::nan("")}) {
    EXPECT_THAT(message_of({1}, 1, damping), ThrowsMessage<InputError>(HasSubstr("is not possible, use a share")));
  }
}

TEST(InverseHessian, BitsDoNotDependOnThreads) {
  const Matrix<float> hessian = random_hessian(400, 5);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return invert_hessian(hessian.view());
  };
  const InverseHessian one = with(1);

  for (const int threads : {2, 3, 7}) {
    ASSERT_EQ(std::memcmp(one.factor.data(), with(threads).factor.data(), 400 * 400 * sizeof(double)), 0) << threads;
  }
}

}  // namespace
}  // namespace pare::test
