// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/attention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

// A weight of the softmax carries the rounding of its score (head_dim products of normal values, scaled by 1
// / sqrt(head_dim): below 2^-24 * head_dim) and of exp (2^-23); an output is their mean over values of
// magnitude below 5. 1e-5 leaves a factor of three at head_dim 128.
constexpr float tolerance = 1e-5f;

void expect_near(const Matrix<float>& out, const Matrix<float>& expected) {
  for (std::int64_t i = 0; i < out.size(); ++i)
    ASSERT_NEAR(out.data()[i], expected.data()[i], tolerance) << "element " << i;
}

TEST(CausalAttentionReference, WeighsByHand) {
  // Two tokens, one head of one dimension: token 0 sees itself, token 1 weighs both values by exp(0) and
  // exp(ln 3).
  const float q[] = {1.0f, 1.0f};
  const float k[] = {0.0f, std::log(3.0f)};
  const float v[] = {8.0f, 4.0f};
  float out[] = {0.0f, 0.0f};

  causal_attention_reference({q, 2, 1}, {k, 2, 1}, {v, 2, 1}, {1, 1, 1}, 2, {out, 2, 1});

  EXPECT_FLOAT_EQ(out[0], 8.0f);
  EXPECT_FLOAT_EQ(out[1], 5.0f);
}

struct Case {
  AttentionShape shape;
  std::int64_t window;
};

class CausalAttention : public testing::TestWithParam<Case> {};

TEST_P(CausalAttention, AgreesWithTheReference) {
  const auto [shape, window] = GetParam();
  const std::int64_t tokens = 3 * window;
  const Matrix<float> q = random_matrix(tokens, shape.heads * shape.head_dim, 1);
  const Matrix<float> k = random_matrix(tokens, shape.kv_heads * shape.head_dim, 2);
  const Matrix<float> v = random_matrix(tokens, shape.kv_heads * shape.head_dim, 3);
  Matrix<float> out = poisoned_matrix(tokens, q.cols());
  Matrix<float> expected = poisoned_matrix(tokens, q.cols());

  causal_attention(q.view(), k.view(), v.view(), shape, window, out.view());

  causal_attention_reference(q.view(), k.view(), v.view(), shape, window, expected.view());
  expect_near(out, expected);
}

TEST_P(CausalAttention, AWindowDependsOnItselfOnly) {
  const auto [shape, window] = GetParam();
  const std::int64_t tokens = 3 * window;
  const Matrix<float> q = random_matrix(tokens, shape.heads * shape.head_dim, 1);
  const Matrix<float> k = random_matrix(tokens, shape.kv_heads * shape.head_dim, 2);
  const Matrix<float> v = random_matrix(tokens, shape.kv_heads * shape.head_dim, 3);
  Matrix<float> all = poisoned_matrix(tokens, q.cols());
  Matrix<float> one = poisoned_matrix(window, q.cols());
  {
    const WithThreads two(2);
    causal_attention(q.view(), k.view(), v.view(), shape, window, all.view());
  }
  const WithThreads single(1);

  for (std::int64_t w = 0; w < 3; ++w) {
    const auto window_of = [&](const Matrix<float>& x) { return x.view().rows_from(w * window, window); };
    causal_attention(window_of(q), window_of(k), window_of(v), shape, window, one.view());

    EXPECT_TRUE(same_bits(one.view(), window_of(all))) << "window " << w;
  }
}

INSTANTIATE_TEST_SUITE_P(OffEveryTile, CausalAttention,
                         testing::Values(Case{{1, 1, 8}, 1}, Case{{4, 2, 8}, 7}, Case{{2, 1, 20}, 48},
                                         Case{{3, 3, 16}, 65}, Case{{4, 2, 64}, 100}, Case{{4, 2, 64}, 256},
                                         Case{{2, 2, 128}, 131}, Case{{8, 1, 40}, 49}, Case{{1, 1, 80}, 300}));

TEST(CausalAttention, TakesColumnsOfAWiderMatrix) {
  const AttentionShape shape{2, 1, 16};
  const Matrix<float> qkv = random_matrix(30, 64, 1);
  const auto column = [&](std::int64_t first, std::int64_t count) { return qkv.view().cols_from(first, count); };
  Matrix<float> out = poisoned_matrix(30, 32);
  Matrix<float> expected = poisoned_matrix(30, 32);

  causal_attention(column(0, 32), column(32, 16), column(48, 16), shape, 30, out.view());

  causal_attention_reference(column(0, 32), column(32, 16), column(48, 16), shape, 30, expected.view());
  expect_near(out, expected);
}

TEST(CausalAttention, HugeScoresNeitherOverflowNorMix) {
  // The last key's score beats the others by far more than binary32 holds, so its value comes out alone.
  Matrix<float> q(70, 16);
  Matrix<float> k(70, 16);
  const Matrix<float> v = random_matrix(70, 16, 3);
  for (std::int64_t t = 0; t < 70; ++t) {
    std::fill_n(q.row(t), 16, 100.0f);
    std::fill_n(k.row(t), 16, static_cast<float>(t));
  }
  Matrix<float> out = poisoned_matrix(70, 16);

  causal_attention(q.view(), k.view(), v.view(), {1, 1, 16}, 70, out.view());

  EXPECT_TRUE(same_bits(out.view(), v.view()));
}

TEST(DecodeAttention, EqualsTheLastTokenOfCausalAttention) {
  const AttentionShape shape{6, 2, 24};
  constexpr std::int64_t length = 37;
  constexpr std::int64_t sequences = 3;
  const Matrix<float> q = random_matrix(sequences * length, 6 * 24, 1);
  const Matrix<float> k = random_matrix(sequences * length, 2 * 24, 2);
  const Matrix<float> v = random_matrix(sequences * length, 2 * 24, 3);
  Matrix<float> expected = poisoned_matrix(sequences * length, 6 * 24);
  causal_attention_reference(q.view(), k.view(), v.view(), shape, length, expected.view());
  Matrix<float> keys = poisoned_matrix(sequences, (length + 5) * 48);
  Matrix<float> values = poisoned_matrix(sequences, (length + 5) * 48);
  Matrix<float> queries(sequences, 6 * 24);
  for (std::int64_t s = 0; s < sequences; ++s) {
    std::copy_n(k.row(s * length), length * 48, keys.row(s));
    std::copy_n(v.row(s * length), length * 48, values.row(s));
    std::copy_n(q.row(s * length + length - 1), 6 * 24, queries.row(s));
  }
  Matrix<float> out = poisoned_matrix(sequences, 6 * 24);

  decode_attention(queries.view(), keys.view(), values.view(), shape, length, out.view());

  for (std::int64_t s = 0; s < sequences; ++s) {
    for (std::int64_t d = 0; d < 6 * 24; ++d) {
      EXPECT_NEAR(out.row(s)[d], expected.row(s * length + length - 1)[d], tolerance);
    }
  }
}

}  // namespace
}  // namespace pare::test
