// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/quantize_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/quantize/block_bits.hpp"
#include "kernels/quantize/expand_blocks.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

std::vector<std::byte> quantize(BlockFormat format, MatrixView<const float> weight,
                                std::span<const float> importance = {}) {
  std::vector<std::byte> packed(static_cast<std::size_t>(blocks_bytes(format, weight.rows, weight.cols)),
                                std::byte{0xee});
  quantize_blocks(format, weight, importance, packed);
  return packed;
}

Matrix<float> restore(BlockFormat format, MatrixView<const float> weight, std::span<const float> importance = {}) {
  Matrix<float> values = poisoned_matrix(weight.rows, weight.cols);
  expand_blocks(format, weight.rows, weight.cols, quantize(format, weight, importance), values.view());
  return values;
}

double error(MatrixView<const float> a, MatrixView<const float> b, std::span<const float> importance = {}) {
  double sum = 0.0;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t c = 0; c < a.cols; ++c) {
      const double counts = importance.empty() ? 1.0 : importance[static_cast<std::size_t>(c)];
      sum += counts * std::pow(double{a.row(r)[c]} - b.row(r)[c], 2);
    }
  }
  return sum;
}

/// Error by variance of normal weights.
double noise(BlockFormat format, float deviation = 0.05f) {
  const Matrix<float> weight = random_matrix(16, 1024, 1, deviation);
  return error(weight.view(), restore(format, weight.view()).view()) / (16 * 1024 * deviation * deviation);
}

std::string name_of(const testing::TestParamInfo<BlockFormat>& info) {
  return std::string(block_format_name(info.param));
}

class QuantizeBlocks : public testing::TestWithParam<BlockFormat> {
 protected:
  int block() const { return block_shape(GetParam()).weights; }
};

INSTANTIATE_TEST_SUITE_P(Formats, QuantizeBlocks, testing::ValuesIn(all_block_formats), name_of);

TEST_P(QuantizeBlocks, ZerosStayZero) {
  const std::vector<float> weight(512, 0.0f);

  const Matrix<float> values = restore(GetParam(), {weight.data(), 2, 256});

  for (std::int64_t i = 0; i < values.size(); ++i) ASSERT_EQ(values.data()[i], 0.0f);
}

/// Random fields whose runs use the whole range of codes, and whose outermost scale is the outermost integer: what an
/// encoder that stretches the range of a block over the codes must find.
BlockFields representable(BlockFormat format, std::mt19937& generator) {
  const auto uniform = [&](int lowest, int highest) {
    return std::uniform_int_distribution(lowest, highest)(generator);
  };
  const int bits = format == BlockFormat::q2_k                                  ? 2
                   : format == BlockFormat::q3_k                                ? 3
                   : format == BlockFormat::q5_0 || format == BlockFormat::q5_k ? 5
                   : format == BlockFormat::q6_k                                ? 6
                   : format == BlockFormat::q8_0                                ? 8
                                                                                : 4;
  BlockFields fields;
  fields.d = to_float16(format == BlockFormat::q6_k ? 0.0003f : 0.01f);
  fields.dmin = to_float16(0.02f);
  for (std::size_t i = 0; i < 256; ++i) {
    const bool end = i % 16 < 2;
    const int lowest = format == BlockFormat::q8_0 ? 1 : 0;
    const int highest = (1 << bits) - 1;
    fields.codes[i] = static_cast<std::uint8_t>(!end ? uniform(lowest, highest) : (i % 16 == 0 ? lowest : highest));
  }
  for (std::size_t j = 0; j < 16; ++j) {
    const bool first = j == 0;
    fields.scales[j] = static_cast<std::int8_t>(format == BlockFormat::q2_k   ? (first ? 15 : uniform(8, 15))
                                                : format == BlockFormat::q3_k ? (first ? -32 : uniform(-31, 31))
                                                : format == BlockFormat::q6_k ? (first ? -128 : uniform(-127, 127))
                                                                              : (first ? 63 : uniform(20, 63)));
    fields.minimums[j] = static_cast<std::uint8_t>(format == BlockFormat::q2_k ? (first ? 15 : uniform(1, 15))
                                                                               : (first ? 63 : uniform(1, 63)));
  }
  return fields;
}

TEST_P(QuantizeBlocks, FindsWhatIsRepresentable) {
  std::mt19937 generator(1);
  for (int repetition = 0; repetition < 20; ++repetition) {
    const BlockFields fields = representable(GetParam(), generator);
    std::vector<std::byte> packed(static_cast<std::size_t>(block_shape(GetParam()).bytes));
    pack_block(GetParam(), fields, packed.data());
    Matrix<float> weight(1, block());
    expand_blocks(GetParam(), 1, block(), packed, weight.view());

    const Matrix<float> values = restore(GetParam(), weight.view());

    ASSERT_EQ(error(weight.view(), values.view()), 0.0) << repetition;
  }
}

TEST_P(QuantizeBlocks, BytesDoNotDependOnThreads) {
  const Matrix<float> weight = random_matrix(13, 512, 1, 0.05f);
  const Matrix<float> importance = random_matrix(1, 512, 2);
  std::vector<float> squares;
  for (std::int64_t c = 0; c < 512; ++c) squares.push_back(importance.data()[c] * importance.data()[c]);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return quantize(GetParam(), weight.view(), squares);
  };

  EXPECT_EQ(with(1), with(3));
}

TEST_P(QuantizeBlocks, ImportanceLowersTheWeightedError) {
  const Matrix<float> weight = random_matrix(16, 512, 1, 0.05f);
  const Matrix<float> logarithm = random_matrix(1, 512, 2, 1.5f);
  std::vector<float> importance;
  for (std::int64_t c = 0; c < 512; ++c) importance.push_back(std::exp(logarithm.data()[c]));

  const Matrix<float> plain = restore(GetParam(), weight.view());
  const Matrix<float> weighted = restore(GetParam(), weight.view(), importance);

  EXPECT_LT(error(weight.view(), weighted.view(), importance), 0.75 * error(weight.view(), plain.view(), importance));
  EXPECT_LT(error(weight.view(), plain.view()), error(weight.view(), weighted.view()));
}

TEST_P(QuantizeBlocks, OnlyProportionsOfImportanceMatter) {
  const Matrix<float> weight = random_matrix(2, 512, 1, 0.05f);
  const std::vector<float> none(512, 0.0f);
  const std::vector<float> same(512, 3e30f);

  EXPECT_EQ(quantize(GetParam(), weight.view(), none), quantize(GetParam(), weight.view()));
  EXPECT_EQ(quantize(GetParam(), weight.view(), same), quantize(GetParam(), weight.view()));
}

TEST_P(QuantizeBlocks, AColumnThatDoesNotCountIsClipped) {
  Matrix<float> weight = random_matrix(1, 256, 1, 0.05f);
  std::vector<float> importance(256, 1.0f);
  for (std::size_t c = 5; c < 256; c += 16) {
    importance[c] = 0.0f;
    weight.data()[c] = c % 32 == 5 ? 40.0f : -40.0f;
  }

  const Matrix<float> values = restore(GetParam(), weight.view(), importance);

  EXPECT_LT(error(weight.view(), values.view(), importance), 256 * 0.05 * 0.05 * 0.12);
}

TEST_P(QuantizeBlocks, TinyWeightsUseTheSmallestScale) {
  EXPECT_LT(noise(GetParam(), 5e-7f), 0.2);
}

TEST_P(QuantizeBlocks, VanishingWeightsBecomeZero) {
  for (const float tiny : {1e-12f, 1e-25f, std::numeric_limits<float>::denorm_min()}) {
    const Matrix<float> weight = random_matrix(1, 256, 1, tiny);

    const Matrix<float> values = restore(GetParam(), weight.view());

    for (std::int64_t c = 0; c < 256; ++c) ASSERT_EQ(values.data()[c], 0.0f);
  }
}

TEST_P(QuantizeBlocks, KeepsTheLargestWeightsThatAScaleReaches) {
  std::vector<float> weight(256, 1.0f);
  weight[0] = -8.0f * 65504.0f;  // within reach of every format

  const Matrix<float> values = restore(GetParam(), {weight.data(), 1, 256});

  EXPECT_NEAR(values.data()[0], weight[0], 0.02 * 8 * 65504);
}

TEST_P(QuantizeBlocks, SaysWhichWeightIsNotFinite) {
  Matrix<float> weight = random_matrix(4, 256, 1);
  weight.row(2)[77] = NAN;

  EXPECT_THAT(
      [&] { quantize(GetParam(), weight.view()); },
      testing::ThrowsMessage<InputError>("the weight in row 2, column 77 is nan and cannot be quantized, weights "
                                         "must be finite"));
}

TEST_P(QuantizeBlocks, SaysWhichWeightsAreTooLarge) {
  Matrix<float> weight = random_matrix(4, 512, 1);
  weight.row(3)[300] = -1e9f;

  EXPECT_THAT([&] { quantize(GetParam(), weight.view()); },
              testing::ThrowsMessage<InputError>(testing::AllOf(
                  testing::HasSubstr(block() == 32 ? "row 3, columns 288 to 319 reach a magnitude of 1e+09"
                                                   : "row 3, columns 256 to 511 reach a magnitude of 1e+09"),
                  testing::HasSubstr(block_format_name(GetParam())), testing::HasSubstr("at most 65504"))));
}

TEST(QuantizeBlocksImportance, MustFitTheColumns) {
  const Matrix<float> weight = random_matrix(1, 64, 1);
  const auto with = [&](std::vector<float> importance) {
    return [&weight, importance] { quantize(BlockFormat::q8_0, weight.view(), importance); };
  };
  std::vector<float> negative(64, 1.0f);
  negative[9] = -0.5f;
  std::vector<float> infinite(64, 1.0f);
  infinite[63] = INFINITY;

  using testing::ThrowsMessage;
  EXPECT_THAT(with(std::vector<float>(63)),
              ThrowsMessage<InputError>("the importance has 63 values for a weight with 64 columns, give one for each "
                                        "or none"));
  EXPECT_THAT(with(negative), ThrowsMessage<InputError>("the importance of column 9 is -0.5, it must be finite and not "
                                                        "negative"));
  EXPECT_THAT(with(infinite), ThrowsMessage<InputError>(testing::HasSubstr("column 63 is inf")));
}

// Noise of normal weights as measured when the encoders were written, and one part in twenty above.
TEST(QuantizeBlocksNoise, StaysAsLowAsItWas) {
  EXPECT_LT(noise(BlockFormat::q4_0), 6.57e-3 * 1.05);
  EXPECT_LT(noise(BlockFormat::q5_0), 1.60e-3 * 1.05);
  EXPECT_LT(noise(BlockFormat::q8_0), 2.21e-5 * 1.05);
  EXPECT_LT(noise(BlockFormat::iq4_nl), 5.38e-3 * 1.05);
  EXPECT_LT(noise(BlockFormat::q2_k), 6.70e-2 * 1.05);
  EXPECT_LT(noise(BlockFormat::q3_k), 2.08e-2 * 1.05);
  EXPECT_LT(noise(BlockFormat::q4_k), 4.81e-3 * 1.05);
  EXPECT_LT(noise(BlockFormat::q5_k), 1.16e-3 * 1.05);
  EXPECT_LT(noise(BlockFormat::q6_k), 2.71e-4 * 1.05);
}

}  // namespace
}  // namespace pare::test
