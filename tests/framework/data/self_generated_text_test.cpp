// SPDX-License-Identifier: Apache-2.0
#include "framework/data/self_generated_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/core/error.hpp"
#include "kernels/core/parallel.hpp"
#include "tests/framework/test_models.hpp"

namespace pare::test {
namespace {

using framework::TokenWindows;
using kernels::Precision;

class SelfGeneratedText : public ::testing::TestWithParam<Precision> {
 protected:
  SelfGeneratedText() : model_(demo_model()), weights_(model_, GetParam()), head_(make_head()) {}

  framework::TextGenerator generator(std::uint64_t seed = 1, std::int64_t length = 40) {
    return {model_, weights_, head_, seed, length};
  }

  framework::Model model_;
  framework::FullWeights weights_;
  kernels::LanguageHead head_;

 private:
  kernels::LanguageHead make_head() const {
    kernels::Matrix<float> table;
    model_.read_head(table);
    return {table.view(), GetParam()};
  }
};

TEST_P(SelfGeneratedText, DoesNotDependOnTheSplitIntoCallsNorOnThreads) {
  kernels::set_kernel_threads(1);
  const TokenWindows all = generator().generate(0, 9);

  for (const int threads : {1, 2}) {
    kernels::set_kernel_threads(threads);
    for (const std::int64_t step : {1, 2, 4, 5}) {
      std::vector<std::uint32_t> tokens;
      for (std::int64_t begin = 0; begin < 9; begin += step) {
        const auto part = generator().generate(begin, std::min<std::int64_t>(step, 9 - begin));
        tokens.insert(tokens.end(), part.tokens.begin(), part.tokens.end());
      }
      EXPECT_EQ(tokens, all.tokens) << "step " << step << ", threads " << threads;
    }
  }
}

TEST_P(SelfGeneratedText, StartsEveryWindowWithTheFirstTokenAndStaysInTheVocabulary) {
  const TokenWindows windows = generator().generate(3, 4);

  ASSERT_EQ(windows.count(), 4);
  for (std::int64_t w = 0; w < 4; ++w) {
    EXPECT_EQ(windows.window(w)[0], model_.config().bos_token);
    for (const std::uint32_t token : windows.window(w)) EXPECT_LT(token, model_.config().vocabulary);
  }
}

TEST_P(SelfGeneratedText, DiffersByWindowAndBySeed) {
  const TokenWindows first = generator(1).generate(0, 6);
  const TokenWindows second = generator(2).generate(0, 6);

  std::set<std::vector<std::uint32_t>> different;
  for (const TokenWindows* windows : {&first, &second}) {
    for (std::int64_t w = 0; w < 6; ++w) different.emplace(windows->window(w).begin(), windows->window(w).end());
  }
  EXPECT_EQ(different.size(), 12U);
}

TEST_P(SelfGeneratedText, OfALongerWindowBeginsWithTheShorterOne) {
  const TokenWindows brief = generator(1, 8).generate(0, 2);
  const TokenWindows longer = generator(1, 32).generate(0, 2);

  for (std::int64_t w = 0; w < 2; ++w) EXPECT_TRUE(std::ranges::equal(brief.window(w), longer.window(w).first(8)));
}

INSTANTIATE_TEST_SUITE_P(Precisions, SelfGeneratedText, ::testing::Values(Precision::f32, Precision::bf16),
                         [](const auto& instance) {
                           return std::string(instance.param == Precision::f32 ? "f32" : "bf16");
                         });

}  // namespace
}  // namespace pare::test
