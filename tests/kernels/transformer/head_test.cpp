// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

/// Everything score() reads and writes for one student.
struct Scores {
  explicit Scores(std::int64_t tokens) : divergence(static_cast<std::size_t>(tokens), NAN), likelihood(divergence) {}

  std::vector<float> divergence;
  std::vector<float> likelihood;
};

struct Teacher {
  Teacher(const LanguageHead& head, MatrixView<const float> hidden, std::int64_t k)
      : ids(hidden.rows, k), log_probabilities(hidden.rows, k) {
    head.top_log_probabilities(hidden, ids.view(), log_probabilities.view());
  }

  Matrix<std::uint32_t> ids;
  Matrix<float> log_probabilities;
};

std::vector<double> log_softmax(const float* hidden, const Matrix<float>& weight) {
  std::vector<double> logits(static_cast<std::size_t>(weight.rows()));
  for (std::int64_t n = 0; n < weight.rows(); ++n) {
    logits[static_cast<std::size_t>(n)] = std::inner_product(hidden, hidden + weight.cols(), weight.row(n), 0.0);
  }
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const double logit : logits) sum += std::exp(logit - highest);
  for (double& logit : logits) logit -= highest + std::log(sum);
  return logits;
}

/// The header's definition, in binary64, with all logits at once.
double divergence_reference(const std::vector<double>& student, const Teacher& teacher, std::int64_t t) {
  double divergence = 0.0;
  double p_rest = 1.0;
  double q_rest = 1.0;
  for (std::int64_t i = 0; i < teacher.ids.cols(); ++i) {
    const double log_p = teacher.log_probabilities.row(t)[i];
    const double log_q = student[teacher.ids.row(t)[i]];
    divergence += std::exp(log_p) * (log_p - log_q);
    p_rest -= std::exp(log_p);
    q_rest -= std::exp(log_q);
  }
  if (teacher.ids.cols() < static_cast<std::int64_t>(student.size()) && p_rest >= 1e-9) {
    divergence += p_rest * std::log(p_rest / std::max(q_rest, 1e-9));
  }
  return std::max(divergence, 0.0);
}

Scores score(const LanguageHead& head, MatrixView<const float> hidden, const Teacher& teacher,
             const std::vector<std::uint32_t>& targets) {
  Scores scores(hidden.rows);
  head.score(hidden, teacher.ids.view(), teacher.log_probabilities.view(), targets, scores.divergence,
             scores.likelihood);
  return scores;
}

std::vector<std::uint32_t> some_targets(std::int64_t tokens, std::int64_t vocabulary) {
  std::vector<std::uint32_t> targets(static_cast<std::size_t>(tokens));
  for (std::size_t t = 0; t < targets.size(); ++t)
    targets[t] = static_cast<std::uint32_t>(t * 7919 % static_cast<std::size_t>(vocabulary));
  return targets;
}

struct Case {
  std::int64_t tokens, hidden, vocabulary, k;
};

class Head : public testing::TestWithParam<Case> {};

TEST_P(Head, TopWordsAreTheMostLikelyInAscendingOrder) {
  const auto [tokens, hidden, vocabulary, k] = GetParam();
  const Matrix<float> weight = random_matrix(vocabulary, hidden, 1, 0.3f);
  const Matrix<float> x = random_matrix(tokens, hidden, 2);
  const LanguageHead head(weight.view(), Precision::f32);
  Matrix<float> logits = poisoned_matrix(tokens, vocabulary);
  head.logits(x.view(), logits.view());

  const Teacher teacher(head, x.view(), k);

  for (std::int64_t t = 0; t < tokens; ++t) {
    std::vector<std::uint32_t> order(static_cast<std::size_t>(vocabulary));
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logits.row(t)[a] > logits.row(t)[b]; });
    order.resize(static_cast<std::size_t>(k));
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order, std::vector<std::uint32_t>(teacher.ids.row(t), teacher.ids.row(t) + k)) << "token " << t;
    const std::vector<double> expected = log_softmax(x.row(t), weight);
    for (std::int64_t i = 0; i < k; ++i) {
      // Logits of a few units carry hidden * 2^-24 each; 1e-5 holds up to 256 inputs.
      ASSERT_NEAR(teacher.log_probabilities.row(t)[i], expected[teacher.ids.row(t)[i]], 1e-5);
    }
  }
}

TEST_P(Head, ScoresAgreeWithBinary64) {
  const auto [tokens, hidden, vocabulary, k] = GetParam();
  const Matrix<float> weight = random_matrix(vocabulary, hidden, 1, 0.3f);
  const Matrix<float> student_weight = random_matrix(vocabulary, hidden, 3, 0.3f);
  const Matrix<float> x = random_matrix(tokens, hidden, 2);
  const Teacher teacher(LanguageHead(weight.view(), Precision::f32), x.view(), k);
  const std::vector<std::uint32_t> targets = some_targets(tokens, vocabulary);

  const Scores scores = score(LanguageHead(student_weight.view(), Precision::f32), x.view(), teacher, targets);

  for (std::int64_t t = 0; t < tokens; ++t) {
    const auto i = static_cast<std::size_t>(t);
    const std::vector<double> student = log_softmax(x.row(t), student_weight);
    ASSERT_NEAR(scores.likelihood[i], -student[targets[i]], 2e-5) << "token " << t;
    ASSERT_NEAR(scores.divergence[i], divergence_reference(student, teacher, t), 2e-5) << "token " << t;
  }
}

TEST_P(Head, ATokenDependsOnItselfOnly) {
  const auto [tokens, hidden, vocabulary, k] = GetParam();
  const Matrix<float> x = random_matrix(tokens, hidden, 2);
  const LanguageHead teacher_head(random_matrix(vocabulary, hidden, 1, 0.3f).view(), Precision::f32);
  const LanguageHead student_head(random_matrix(vocabulary, hidden, 3, 0.3f).view(), Precision::bf16);
  const std::vector<std::uint32_t> targets = some_targets(tokens, vocabulary);
  const Teacher teacher(teacher_head, x.view(), k);
  const Scores all = [&] {
    const WithThreads two(2);
    return score(student_head, x.view(), teacher, targets);
  }();
  const WithThreads one(1);

  for (const std::int64_t t : {std::int64_t{0}, tokens / 2, tokens - 1}) {
    const Teacher alone(teacher_head, x.view().rows_from(t, 1), k);
    const Scores scores = score(student_head, x.view().rows_from(t, 1), alone, {targets[static_cast<std::size_t>(t)]});

    EXPECT_TRUE(same_bits(alone.log_probabilities.view(), teacher.log_probabilities.view().rows_from(t, 1)));
    EXPECT_EQ(scores.divergence[0], all.divergence[static_cast<std::size_t>(t)]);
    EXPECT_EQ(scores.likelihood[0], all.likelihood[static_cast<std::size_t>(t)]);
  }
}

INSTANTIATE_TEST_SUITE_P(OffEveryTile, Head,
                         testing::Values(Case{1, 8, 5, 5}, Case{70, 33, 100, 7}, Case{130, 64, 1024, 512},
                                         Case{65, 64, 1024, 1024}, Case{20, 16, 2500, 300}, Case{9, 16, 3000, 3000},
                                         Case{9, 16, 5000, 1}));

TEST(Head, ATeacherDoesNotDivergeFromItself) {
  const Matrix<float> weight = random_matrix(1024, 64, 1, 0.3f);
  const Matrix<float> x = random_matrix(100, 64, 2);
  const LanguageHead head(weight.view(), Precision::f32);
  for (const std::int64_t k : {64, 512, 1024}) {
    const Scores scores = score(head, x.view(), Teacher(head, x.view(), k), some_targets(100, 1024));

    EXPECT_THAT(scores.divergence, testing::Each(testing::AllOf(testing::Ge(0.0f), testing::Le(1e-6f)))) << k;
  }
}

TEST(Head, FewerTeacherWordsNeverRaiseTheDivergence) {
  const Matrix<float> x = random_matrix(50, 64, 2);
  const LanguageHead teacher(random_matrix(1024, 64, 1, 0.3f).view(), Precision::f32);
  const LanguageHead student(random_matrix(1024, 64, 3, 0.3f).view(), Precision::f32);
  const std::vector<std::uint32_t> targets = some_targets(50, 1024);
  std::vector<float> previous(50, INFINITY);
  for (const std::int64_t k : {1024, 512, 64, 1}) {
    const Scores scores = score(student, x.view(), Teacher(teacher, x.view(), k), targets);

    for (std::size_t t = 0; t < 50; ++t) EXPECT_LE(scores.divergence[t], previous[t] + 2e-5f) << k;
    previous = scores.divergence;
  }
}

TEST(Head, TiesGoToTheSmallerId) {
  const Matrix<float> weight = [] {
    Matrix<float> ones(2100, 4);
    std::fill_n(ones.data(), ones.size(), 1.0f);
    return ones;
  }();
  const Matrix<float> x = random_matrix(2, 4, 1);

  const Teacher teacher(LanguageHead(weight.view(), Precision::f32), x.view(), 3);

  EXPECT_THAT(std::vector<std::uint32_t>(teacher.ids.row(1), teacher.ids.row(1) + 3), testing::ElementsAre(0, 1, 2));
  EXPECT_NEAR(teacher.log_probabilities.row(1)[2], -std::log(2100.0), 1e-6);
}

TEST(Head, NanReachesTheScoresAndIsRefusedFromATeacher) {
  const Matrix<float> weight = random_matrix(100, 8, 1);
  Matrix<float> x = random_matrix(3, 8, 2);
  const LanguageHead head(weight.view(), Precision::f32);
  const Teacher teacher(head, x.view(), 10);
  x.row(1)[4] = NAN;

  const Scores scores = score(head, x.view(), teacher, {1, 2, 3});

  EXPECT_TRUE(std::isfinite(scores.divergence[0]));
  EXPECT_TRUE(std::isnan(scores.divergence[1]));
  EXPECT_TRUE(std::isnan(scores.likelihood[1]));
  EXPECT_THAT([&] { Teacher(head, x.view(), 10); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("logits of token 1 are not finite")));
}

}  // namespace
}  // namespace pare::test
