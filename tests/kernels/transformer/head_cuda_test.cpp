// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/core/error.hpp"
#include "kernels/transformer/head_gpu.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/transformer/bf16_data.hpp"

namespace pare::kernels {
namespace {

using test::bf16_on_device;
using test::random_bf16_values;

struct Losses {
  Matrix<float> divergence;
  Matrix<float> negative_log_likelihood;
};

/// What a teacher says about some tokens.
struct Teacher {
  Matrix<std::uint32_t> ids;
  Matrix<float> log_probabilities;
  Matrix<std::uint32_t> targets;  ///< [1, tokens]
};

std::vector<double> logits_of(const Matrix<float>& hidden, const Matrix<float>& weight, std::int64_t token) {
  std::vector<double> logits(static_cast<std::size_t>(weight.rows()));
  for (std::int64_t w = 0; w < weight.rows(); ++w)
    logits[static_cast<std::size_t>(w)] =
        std::inner_product(hidden.view().row(token), hidden.view().row(token) + hidden.cols(), weight.view().row(w),
                           0.0, std::plus<>(), [](float a, float b) { return double{a} * double{b}; });
  return logits;
}

double log_sum_exp(const std::vector<double>& logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const double x : logits) sum += std::exp(x - highest);
  return highest + std::log(sum);
}

/// The k most likely words of a teacher with logits of its own.
Teacher random_teacher(std::int64_t tokens, std::int64_t vocabulary, std::int64_t k, unsigned seed) {
  const Matrix<float> logits = test::random_matrix(tokens, vocabulary, seed, 2.0f);
  Teacher teacher{Matrix<std::uint32_t>(tokens, k), Matrix<float>(tokens, k), Matrix<std::uint32_t>(1, tokens)};
  std::vector<std::uint32_t> order(static_cast<std::size_t>(vocabulary));
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* row = logits.view().row(t);
    std::iota(order.begin(), order.end(), 0u);
    std::nth_element(order.begin(), order.begin() + (k - 1), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return row[a] > row[b]; });
    std::sort(order.begin(), order.begin() + k);
    const double normaliser = log_sum_exp(std::vector<double>(row, row + vocabulary));
    for (std::int64_t i = 0; i < k; ++i) {
      const std::uint32_t id = order[static_cast<std::size_t>(i)];
      teacher.ids.view().row(t)[i] = id;
      teacher.log_probabilities.view().row(t)[i] = static_cast<float>(double{row[id]} - normaliser);
    }
    teacher.targets.data()[t] = static_cast<std::uint32_t>((t * 7919 + 3) % vocabulary);
  }
  return teacher;
}

class HeadCuda : public test::CudaTest {
 protected:
  Losses score_with(bool wgmma, const Matrix<float>& hidden, const Matrix<float>& weight,
                    const Teacher& teacher) const {
    const std::int64_t tokens = hidden.rows();
    const DeviceMatrix<BFloat16> device_hidden = bf16_on_device(hidden, stream());
    const DeviceMatrix<BFloat16> device_weight = bf16_on_device(weight, stream());
    const DeviceMatrix<std::uint32_t> ids = on_device(teacher.ids.view(), stream());
    const DeviceMatrix<float> log_probabilities = on_device(teacher.log_probabilities.view(), stream());
    const DeviceMatrix<std::uint32_t> targets = on_device(teacher.targets.view(), stream());
    DeviceMatrix<float> divergence = poisoned_on_device<float>(1, tokens);
    DeviceMatrix<float> likelihood = poisoned_on_device<float>(1, tokens);
    DeviceMatrix<float> workspace =
        poisoned_on_device<float>(1, score_head_workspace_floats(tokens, weight.rows(), teacher.ids.cols()));
    detail::score_head_with(wgmma, device_hidden.view(), device_weight.view(), ids.view(), log_probabilities.view(),
                            targets.span(), divergence.span(), likelihood.span(), workspace.span(), stream());
    return {on_host(divergence, stream()), on_host(likelihood, stream())};
  }

  /// The kernels that this GPU has.
  std::vector<bool> kernels() const {
    return stream().compute_capability() == 90 ? std::vector<bool>{false, true} : std::vector<bool>{false};
  }
};

struct Case {
  std::int64_t tokens;
  std::int64_t vocabulary;
  std::int64_t width;
  std::int64_t k;
};

/// Logits are sums of `width` products in binary32, of magnitude below 8 here: each addition may lose 2^-22 of the largest
/// partial sum, so that a logit and the normaliser are off by less than 1e-4 each. The divergence takes both with weight 1,
/// and the mass of the other words once more.
constexpr double logit_tolerance = 1e-4;

TEST_F(HeadCuda, ScoresAgreeWithDoublePrecision) {
  const Case cases[] = {{1, 8, 8, 8},          {3, 300, 64, 17},    {129, 1025, 72, 32}, {130, 2500, 200, 512},
                        {257, 513, 136, 1},    {5, 1500, 64, 1500}, {2, 3072, 128, 64},  {40, 127, 56, 5},
                        {17, 1281, 1032, 100}, {128, 1024, 256, 20}};
  unsigned seed = 1;
  for (const Case& c : cases) {
    const Matrix<float> hidden = random_bf16_values(c.tokens, c.width, seed++);
    const Matrix<float> weight =
        random_bf16_values(c.vocabulary, c.width, seed++, 1.5f / std::sqrt(static_cast<float>(c.width)));
    const Teacher teacher = random_teacher(c.tokens, c.vocabulary, c.k, seed++);
    for (const bool wgmma : kernels()) {
      SCOPED_TRACE(testing::Message() << c.tokens << " tokens, " << c.vocabulary << " words, width " << c.width
                                      << ", k " << c.k << (wgmma ? ", wgmma" : ", mma.sync"));

      const Losses losses = score_with(wgmma, hidden, weight, teacher);

      for (std::int64_t t = 0; t < c.tokens; ++t) {
        const std::vector<double> logits = logits_of(hidden, weight, t);
        const double normaliser = log_sum_exp(logits);
        double divergence = 0.0;
        double teacher_mass = 0.0;
        double student_mass = 0.0;
        for (std::int64_t i = 0; i < c.k; ++i) {
          const double teacher_log = double{teacher.log_probabilities.view().row(t)[i]};
          const double student_log = logits[teacher.ids.view().row(t)[i]] - normaliser;
          divergence += std::exp(teacher_log) * (teacher_log - student_log);
          teacher_mass += std::exp(teacher_log);
          student_mass += std::exp(student_log);
        }
        if (c.k < c.vocabulary && 1.0 - teacher_mass >= 1e-9)
          divergence += (1.0 - teacher_mass) * std::log((1.0 - teacher_mass) / std::max(1.0 - student_mass, 1e-9));
        const double likelihood = normaliser - logits[teacher.targets.data()[t]];
        EXPECT_NEAR(double{losses.divergence.data()[t]}, divergence, 3 * logit_tolerance) << t;
        EXPECT_NEAR(double{losses.negative_log_likelihood.data()[t]}, likelihood, 2 * logit_tolerance)
            << t << " with a logit of " << logits[teacher.targets.data()[t]];
      }
    }
  }
}

Matrix<float> rows_of(const Matrix<float>& from, std::int64_t first, std::int64_t count) {
  Matrix<float> to(count, from.cols());
  std::copy_n(from.view().row(first), to.size(), to.data());
  return to;
}

TEST_F(HeadCuda, ScoreOfTokenDoesNotDependOnTheOthers) {
  const Matrix<float> hidden = random_bf16_values(300, 96, 31);
  const Matrix<float> weight = random_bf16_values(1400, 96, 32, 0.2f);
  const Teacher teacher = random_teacher(300, 1400, 40, 33);
  constexpr std::int64_t first = 131;
  constexpr std::int64_t count = 2;
  Teacher of_some{Matrix<std::uint32_t>(count, 40), Matrix<float>(count, 40), Matrix<std::uint32_t>(1, count)};
  std::copy_n(teacher.ids.view().row(first), of_some.ids.size(), of_some.ids.data());
  std::copy_n(teacher.log_probabilities.view().row(first), of_some.ids.size(), of_some.log_probabilities.data());
  std::copy_n(teacher.targets.data() + first, count, of_some.targets.data());
  for (const bool wgmma : kernels()) {
    const Losses all = score_with(wgmma, hidden, weight, teacher);
    const Losses some = score_with(wgmma, rows_of(hidden, first, count), weight, of_some);

    EXPECT_TRUE(test::same_bits(all.divergence.view().cols_from(first, count), some.divergence.view()));
    EXPECT_TRUE(test::same_bits(all.negative_log_likelihood.view().cols_from(first, count),
                                some.negative_log_likelihood.view()));
  }
}

TEST_F(HeadCuda, NanReachesTheTokenThatHasItAlone) {
  Matrix<float> hidden = random_bf16_values(140, 64, 41);
  const Matrix<float> weight = random_bf16_values(600, 64, 42, 0.2f);
  const Teacher teacher = random_teacher(140, 600, 10, 43);
  hidden.view().row(130)[5] = NAN;
  for (const bool wgmma : kernels()) {
    const Losses losses = score_with(wgmma, hidden, weight, teacher);

    for (std::int64_t t = 0; t < 140; ++t) {
      EXPECT_EQ(std::isnan(losses.divergence.data()[t]), t == 130) << t;
      EXPECT_EQ(std::isnan(losses.negative_log_likelihood.data()[t]), t == 130) << t;
    }
  }
}

TEST_F(HeadCuda, BrokenWordReachesEveryToken) {
  const Matrix<float> hidden = random_bf16_values(5, 64, 44);
  Matrix<float> weight = random_bf16_values(600, 64, 45, 0.2f);
  const Teacher teacher = random_teacher(5, 600, 10, 46);
  weight.view().row(599)[63] = NAN;
  for (const bool wgmma : kernels()) {
    const Losses losses = score_with(wgmma, hidden, weight, teacher);

    for (std::int64_t t = 0; t < 5; ++t) EXPECT_TRUE(std::isnan(losses.divergence.data()[t])) << t;
  }
}

TEST_F(HeadCuda, WordsThatDoNotExistGiveNan) {
  const Matrix<float> hidden = random_bf16_values(4, 64, 51);
  const Matrix<float> weight = random_bf16_values(600, 64, 52, 0.2f);
  Teacher teacher = random_teacher(4, 600, 10, 53);
  teacher.ids.view().row(0)[9] = 600;
  teacher.ids.view().row(1)[0] = 599;  // does not ascend any more
  teacher.targets.data()[2] = 600;
  for (const bool wgmma : kernels()) {
    const Losses losses = score_with(wgmma, hidden, weight, teacher);

    EXPECT_TRUE(std::isnan(losses.divergence.data()[0]));
    EXPECT_TRUE(std::isnan(losses.divergence.data()[1]));
    EXPECT_TRUE(std::isnan(losses.negative_log_likelihood.data()[2]));
    EXPECT_FALSE(std::isnan(losses.divergence.data()[2]));
    EXPECT_FALSE(std::isnan(losses.divergence.data()[3]));
    EXPECT_FALSE(std::isnan(losses.negative_log_likelihood.data()[3]));
  }
}

struct Top {
  Matrix<std::uint32_t> ids;
  Matrix<float> log_probabilities;
};

class HeadTopCuda : public HeadCuda {
 protected:
  Top top(bool wgmma, const Matrix<float>& hidden, const Matrix<float>& weight, std::int64_t k,
          std::int64_t tokens_at_once) const {
    const DeviceMatrix<BFloat16> device_hidden = bf16_on_device(hidden, stream());
    const DeviceMatrix<BFloat16> device_weight = bf16_on_device(weight, stream());
    DeviceMatrix<std::uint32_t> ids = poisoned_on_device<std::uint32_t>(hidden.rows(), k);
    DeviceMatrix<float> log_probabilities = poisoned_on_device<float>(hidden.rows(), k);
    DeviceMatrix<float> workspace =
        poisoned_on_device<float>(1, head_top_workspace_floats(tokens_at_once, weight.rows()));
    detail::head_top_with(wgmma, device_hidden.view(), device_weight.view(), ids.view(), log_probabilities.view(),
                          workspace.span(), stream());
    return {on_host(ids, stream()), on_host(log_probabilities, stream())};
  }
};

/// Small whole numbers: logits are exact in any order of summation, and full of ties.
Matrix<float> whole_numbers(std::int64_t rows, std::int64_t cols, unsigned seed, float deviation) {
  Matrix<float> matrix = test::random_matrix(rows, cols, seed, deviation);
  std::transform(matrix.data(), matrix.data() + matrix.size(), matrix.data(), [](float x) { return std::round(x); });
  return matrix;
}

TEST_F(HeadTopCuda, TiesGoToTheSmallerIdAndIdsAscend) {
  const Case cases[] = {{1, 8, 8, 3}, {5, 700, 16, 100}, {130, 1033, 24, 1}, {9, 3001, 16, 512}, {3, 40, 8, 40}};
  unsigned seed = 61;
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.tokens << " tokens, " << c.vocabulary << " words, k " << c.k);
    const Matrix<float> hidden = whole_numbers(c.tokens, c.width, seed++, 1.0f);
    const Matrix<float> weight = whole_numbers(c.vocabulary, c.width, seed++, 0.6f);

    for (const bool wgmma : kernels()) {
      const Top found = top(wgmma, hidden, weight, c.k, 64);

      for (std::int64_t t = 0; t < c.tokens; ++t) {
        const std::vector<double> logits = logits_of(hidden, weight, t);
        std::vector<std::uint32_t> order(logits.size());
        std::iota(order.begin(), order.end(), 0u);
        std::stable_sort(order.begin(), order.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return logits[a] > logits[b]; });
        std::sort(order.begin(), order.begin() + c.k);
        const double normaliser = log_sum_exp(logits);
        for (std::int64_t i = 0; i < c.k; ++i) {
          const std::uint32_t id = order[static_cast<std::size_t>(i)];
          ASSERT_EQ(found.ids.view().row(t)[i], id) << t << " " << i;
          // Half an ulp of the result; the exponentials are binary32 (2 ulp), summed in binary64.
          ASSERT_NEAR(double{found.log_probabilities.view().row(t)[i]}, logits[id] - normaliser,
                      1e-6 + 0x1p-23 * std::abs(logits[id] - normaliser));
        }
      }
    }
  }
}

TEST_F(HeadTopCuda, ResultDoesNotDependOnTokensAtOnce) {
  const Matrix<float> hidden = random_bf16_values(200, 72, 71);
  const Matrix<float> weight = random_bf16_values(999, 72, 72, 0.2f);

  for (const bool wgmma : kernels()) {
    const Top at_once = top(wgmma, hidden, weight, 50, 200);
    const Top in_pieces = top(wgmma, hidden, weight, 50, 70);

    EXPECT_TRUE(std::equal(at_once.ids.data(), at_once.ids.data() + at_once.ids.size(), in_pieces.ids.data()));
    EXPECT_TRUE(test::same_bits(at_once.log_probabilities.view(), in_pieces.log_probabilities.view()));
  }
}

/// The logits are the same bits in teacher and student; what is left is the log-sum-exp of binary32 exponentials (2^-22 of
/// the sum) and the rounding of the teacher's log-probabilities (2^-24 of 12 and less), each with weight 1 in the words of
/// the teacher and once more in the others.
TEST_F(HeadTopCuda, TeacherDoesNotDivergeFromItself) {
  const Case cases[] = {{130, 1500, 72, 40}, {3, 1281, 1032, 500}, {257, 700, 640, 700}};
  unsigned seed = 91;
  for (const Case& c : cases) {
    const Matrix<float> hidden = random_bf16_values(c.tokens, c.width, seed++);
    const Matrix<float> weight =
        random_bf16_values(c.vocabulary, c.width, seed++, 1.5f / std::sqrt(static_cast<float>(c.width)));
    for (const bool wgmma : kernels()) {
      Top found = top(wgmma, hidden, weight, c.k, c.tokens);
      Teacher teacher{std::move(found.ids), std::move(found.log_probabilities), Matrix<std::uint32_t>(1, c.tokens)};
      std::fill_n(teacher.targets.data(), c.tokens, 0u);

      const Losses losses = score_with(wgmma, hidden, weight, teacher);

      for (std::int64_t t = 0; t < c.tokens; ++t)
        EXPECT_NEAR(double{losses.divergence.data()[t]}, 0.0, 4e-6) << t << (wgmma ? ", wgmma" : ", mma.sync");
    }
  }
}

TEST_F(HeadTopCuda, NanGivesNan) {
  Matrix<float> hidden = random_bf16_values(3, 64, 81);
  const Matrix<float> weight = random_bf16_values(500, 64, 82, 0.2f);
  hidden.view().row(1)[0] = NAN;

  for (const bool wgmma : kernels()) {
    const Top found = top(wgmma, hidden, weight, 20, 3);

    for (std::int64_t i = 0; i < 20; ++i) {
      EXPECT_FALSE(std::isnan(found.log_probabilities.view().row(0)[i]));
      EXPECT_TRUE(std::isnan(found.log_probabilities.view().row(1)[i]));
      EXPECT_FALSE(std::isnan(found.log_probabilities.view().row(2)[i]));
    }
  }
}

TEST_F(HeadCuda, RefusesWidthsWithoutKernel) {
  DeviceMatrix<BFloat16> x(4, 16);
  DeviceMatrix<std::uint32_t> ids(4, 1);
  DeviceMatrix<float> out(4, 64);
  const DeviceView<BFloat16> hidden = x.view().cols_from(0, 12);

  EXPECT_THROW(head_top_log_probabilities(hidden, hidden, ids.view(), out.view().cols_from(0, 1), out.span(), stream()),
               InputError);
}

}  // namespace
}  // namespace pare::kernels
