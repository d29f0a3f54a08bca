// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/smooth_scales.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::smooth_scales;
using View = kernels::MatrixView<const float>;

TEST(SmoothScales, AlphaOneFollowsTheInputsByHand) {
  const float weight[] = {5.0f, 7.0f, -9.0f};
  const std::vector<View> weights{{weight, 1, 3}};

  EXPECT_THAT(smooth_scales(std::vector<float>{1.0f, 4.0f, 16.0f}, weights, 1.0),
              testing::ElementsAre(0.25f, 1.0f, 4.0f));  // / sqrt(1 * 16)
}

TEST(SmoothScales, AlphaZeroFollowsTheLargestWeightOfAllLinearsByHand) {
  const float first[] = {1.0f, 0.25f, -2.0f, 0.125f};  // columns: 2, 0.25
  const float second[] = {-0.5f, -0.5f};               // columns: 0.5, 0.5; of both: 2, 0.5
  const std::vector<View> weights{{first, 2, 2}, {second, 1, 2}};

  EXPECT_THAT(smooth_scales(std::vector<float>{3.0f, 1.0f}, weights, 0.0), testing::ElementsAre(0.5f, 2.0f));
}

TEST(SmoothScales, AlphaOneHalfBalancesInputsAndWeights) {
  const kernels::Matrix<float> weight = random_matrix(48, 32, 1, 0.05f);
  std::vector<float> largest;
  for (int j = 0; j < 32; ++j) largest.push_back(j == 5 ? 80.0f : 1.0f + static_cast<float>(j % 3));

  const std::vector<float> scales = smooth_scales(largest, std::vector<View>{weight.view()}, 0.5);

  std::vector<double> ratios;
  for (std::size_t j = 0; j < 32; ++j) {
    float w = 0.0f;
    for (std::int64_t r = 0; r < 48; ++r) w = std::max(w, std::abs(weight.row(r)[j]));
    ratios.push_back((largest[j] / scales[j]) / (w * scales[j]));  // the same for all channels
  }
  EXPECT_THAT(ratios, testing::Each(testing::DoubleNear(ratios[0], 1e-5 * ratios[0])));
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  EXPECT_NEAR(*least * *most, 1.0f, 1e-5f);
  EXPECT_EQ(most - scales.begin(), 5);
}

TEST(SmoothScales, ArePositiveAndBoundedWhereChannelsAreSilent) {
  const float weight[] = {1.0f, 0.0f, 2.0f, 0.0f};
  const std::vector<View> weights{{weight, 1, 4}};
  for (const double alpha : {0.0, 0.5, 0.85, 1.0}) {
    const std::vector<float> scales = smooth_scales(std::vector<float>{0.0f, 3.0f, 1.0f, 0.0f}, weights, alpha);

    const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
    EXPECT_GT(*least, 0.0f);
    EXPECT_LE(*most / *least, 1.00001e5f) << alpha;
  }
  const float zeros[] = {0.0f, 0.0f};
  EXPECT_THAT(smooth_scales(std::vector<float>{0.0f, 0.0f}, std::vector<View>{{zeros, 1, 2}}, 0.5),
              testing::Each(1.0f));
}

TEST(SmoothScales, NamesWhatItCannotUse) {
  using testing::StrEq;
  using testing::ThrowsMessage;
  const float good[] = {1.0f, 1.0f};
  const float bad[] = {1.0f, NAN, 2.0f, 2.0f};
  EXPECT_THAT(
      [&] {
        smooth_scales(std::vector<float>{1.0f, 1.0f}, std::vector<View>{{good, 1, 2}}, 1.5);
      },
      ThrowsMessage<InputError>(StrEq("SmoothQuant's alpha cannot be 1.5, it must be from 0 to 1")));
  EXPECT_THAT(
      [&] {
        smooth_scales(std::vector<float>{1.0f, INFINITY}, std::vector<View>{{good, 1, 2}}, 0.5);
      },
      ThrowsMessage<InputError>(StrEq("the largest activation of input 1 is inf, it must be finite and not negative")));
  for (const View& weight : {View{bad, 1, 2}, View{bad, 2, 2}}) {
    EXPECT_THAT(
        [&] {
          smooth_scales(std::vector<float>{1.0f, 1.0f}, std::vector<View>{weight}, 0.5);
        },
        ThrowsMessage<InputError>(testing::HasSubstr("the largest weight of input 1 is nan")));
  }
}

}  // namespace
}  // namespace pare::test
