// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/awq_scales.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/framework/compression/input_moments.hpp"

namespace pare::test {
namespace {

using framework::AwqScales;
using framework::HostOutputError;
using framework::search_awq_scales;
using kernels::Grid;
using kernels::Matrix;
using View = kernels::MatrixView<const float>;

constexpr std::int64_t inputs = 64;
constexpr Grid four_bits{4, 32, false};

/// Normal activations; the channels given are larger by the factor.
Matrix<float> activations(const std::vector<std::int64_t>& channels, float factor) {
  Matrix<float> x = random_matrix(120, inputs, 1);
  for (const std::int64_t j : channels) {
    for (std::int64_t t = 0; t < x.rows(); ++t) x.row(t)[j] *= factor;
  }
  return x;
}

/// What the scaled and packed weights do to the outputs, by the definition.
double true_error(const Matrix<float>& x, const Matrix<float>& weight, const AwqScales& found, std::size_t linear,
                  const std::vector<float>& diagonal) {
  std::vector<std::byte> packed(
      static_cast<std::size_t>(kernels::packed_layout(four_bits, weight.rows(), inputs).total_bytes));
  framework::quantize_scaled(weight.view(), found.scales,
                             found.clip[linear] ? std::span<const float>(diagonal) : std::span<const float>(),
                             four_bits, packed);
  Matrix<float> difference(weight.rows(), inputs);
  kernels::expand_reference({four_bits, weight.rows(), inputs, packed}, difference.view());
  for (std::int64_t r = 0; r < weight.rows(); ++r) {
    for (std::int64_t j = 0; j < inputs; ++j) {
      difference.row(r)[j] = difference.row(r)[j] / found.scales[static_cast<std::size_t>(j)] - weight.row(r)[j];
    }
  }
  return squared_outputs(x, difference);
}

AwqScales scales_of_one(std::size_t linears) {
  return {std::vector<float>(inputs, 1.0f), 0.0, 0.0, 0.0, std::vector<bool>(linears, false)};
}

TEST(AwqScales, LowerTheErrorWhereAChannelIsAnOutlier) {
  const Matrix<float> x = activations({7, 40}, 50.0f);
  const Matrix<float> q = random_matrix(33, inputs, 2, 0.05f);
  const Matrix<float> k = random_matrix(16, inputs, 3, 0.05f);
  const HostOutputError output_error(hessian_of(x).view());

  const AwqScales found =
      search_awq_scales(mean_magnitudes_of(x), std::vector<View>{q.view(), k.view()}, four_bits, output_error, false);

  EXPECT_GT(found.alpha, 0.0);
  EXPECT_LT(found.error, 0.3 * found.plain_error);
  EXPECT_THAT(found.clip, testing::ElementsAre(false, false));
  // The moments are rounded to binary32 and multiplied in it: relative 1e-4 covers 64 inputs.
  const double error = true_error(x, q, found, 0, {}) + true_error(x, k, found, 1, {});
  EXPECT_NEAR(found.error, error, 1e-4 * error);
  const double plain = true_error(x, q, scales_of_one(2), 0, {}) + true_error(x, k, scales_of_one(2), 1, {});
  EXPECT_NEAR(found.plain_error, plain, 1e-4 * plain);
}

TEST(AwqScales, ArePowersOfTheMeansAroundOne) {
  const Matrix<float> x = activations({7}, 50.0f);
  const Matrix<float> weight = random_matrix(33, inputs, 2, 0.05f);
  const std::vector<float> means = mean_magnitudes_of(x);

  const AwqScales found = search_awq_scales(means, std::vector<View>{weight.view()}, four_bits,
                                            HostOutputError(hessian_of(x).view()), false);

  const auto [least, most] = std::minmax_element(found.scales.begin(), found.scales.end());
  EXPECT_NEAR(*least * *most, 1.0f, 1e-6f);
  EXPECT_EQ(most - found.scales.begin(), 7);
  EXPECT_EQ(found.alpha, std::round(20.0 * found.alpha) / 20.0);
  for (std::size_t j = 1; j < inputs; ++j) {
    EXPECT_NEAR(found.scales[j] / found.scales[0], std::pow(means[j] / means[0], found.alpha),
                1e-5 * found.scales[j] / found.scales[0]);
  }
}

TEST(AwqScales, NoScaleIsTriedAndNeverMadeWorse) {
  // The means mislead: the channels that look large reach no output, and scaling them up only coarsens the grid.
  const Matrix<float> x = activations({3, 35}, 0.0f);
  std::vector<float> means(inputs, 1.0f);
  means[3] = means[35] = 1000.0f;
  const Matrix<float> weight = random_matrix(33, inputs, 2, 0.05f);

  const AwqScales found = search_awq_scales(means, std::vector<View>{weight.view()}, four_bits,
                                            HostOutputError(hessian_of(x).view()), false);

  EXPECT_EQ(found.alpha, 0.0);
  EXPECT_THAT(found.scales, testing::Each(1.0f));
  EXPECT_EQ(found.error, found.plain_error);
  const double plain = true_error(x, weight, scales_of_one(1), 0, {});
  EXPECT_NEAR(found.error, plain, 1e-4 * plain);
}

TEST(AwqScales, MeasureWithTheDiagonalWhereThatIsAllThereIs) {
  const Matrix<float> x = activations({7}, 50.0f);
  const Matrix<float> weight = random_matrix(33, inputs, 2, 0.05f);
  const std::vector<float> diagonal = HostOutputError(hessian_of(x).view()).diagonal();

  const AwqScales found = search_awq_scales(mean_magnitudes_of(x), std::vector<View>{weight.view()}, four_bits,
                                            HostOutputError(diagonal), false);

  EXPECT_GT(found.alpha, 0.0);
  EXPECT_LT(found.error, 0.3 * found.plain_error);
  EXPECT_LT(true_error(x, weight, found, 0, {}), true_error(x, weight, scales_of_one(1), 0, {}));
}

TEST(AwqScales, ClipsWhereThatLowersTheErrorFurther) {
  const Matrix<float> x = activations({7}, 50.0f);
  const Matrix<float> weight = random_matrix(33, inputs, 2, 0.05f);
  const HostOutputError output_error(hessian_of(x).view());
  const auto search = [&](bool clip) {
    return search_awq_scales(mean_magnitudes_of(x), std::vector<View>{weight.view()}, four_bits, output_error, clip);
  };

  const AwqScales clipped = search(true);

  EXPECT_THAT(clipped.clip, testing::ElementsAre(true));
  EXPECT_LT(clipped.error, search(false).error);
  EXPECT_EQ(clipped.plain_error, search(false).plain_error);
  const double error = true_error(x, weight, clipped, 0, output_error.diagonal());
  EXPECT_NEAR(clipped.error, error, 1e-4 * error);
}

TEST(AwqScales, DoNotDependOnThreads) {
  const Matrix<float> x = activations({7}, 50.0f);
  const Matrix<float> weight = random_matrix(600, inputs, 2, 0.05f);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return search_awq_scales(mean_magnitudes_of(x), std::vector<View>{weight.view()}, four_bits,
                             HostOutputError(hessian_of(x).view()), true);
  };

  const AwqScales one = with(1);
  const AwqScales three = with(3);

  EXPECT_EQ(one.scales, three.scales);
  EXPECT_EQ(one.error, three.error);
}

TEST(AwqScales, HoldSilentInputsAndNameBadOnes) {
  const Matrix<float> weight = random_matrix(4, inputs, 2, 0.05f);
  const std::vector<View> weights{weight.view()};
  const HostOutputError nothing(std::vector<float>(inputs, 0.0f));
  std::vector<float> means(inputs, 0.0f);
  const AwqScales found = search_awq_scales(means, weights, four_bits, nothing, true);
  EXPECT_THAT(found.scales, testing::Each(1.0f));
  EXPECT_EQ(found.error, 0.0);

  means[9] = -1.0f;
  EXPECT_THAT([&] { search_awq_scales(means, weights, four_bits, nothing, false); },
              testing::ThrowsMessage<InputError>(
                  testing::StrEq("the mean magnitude of input 9 is -1, it must be finite and not negative")));
}

TEST(QuantizeScaled, MultipliesTheColumnsByHand) {
  const float weight[] = {-1.0f, 1.0f,
                          4.0f};  // scaled: -1, 0.5, 2: two bits, s = 1, z = 1; 0.5 goes to 0, half to even
  const Grid grid{2, 0, false};
  std::vector<std::byte> packed(4);

  framework::quantize_scaled({weight, 1, 3}, std::vector<float>{1.0f, 0.5f, 0.5f}, {}, grid, packed);

  float values[] = {NAN, NAN, NAN};
  kernels::expand_reference({grid, 1, 3, packed}, {values, 1, 3});
  EXPECT_THAT(values, testing::ElementsAre(-1.0f, 0.0f, 2.0f));
}

}  // namespace
}  // namespace pare::test
