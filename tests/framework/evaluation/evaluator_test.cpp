// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "kernels/core/parallel.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::CandidateScores;
using framework::OptionIndices;
using kernels::Precision;
using ::testing::ElementsAreArray;

/// Candidates as a search makes them: a parent, children with one to three changes, and some that have
/// nothing in common.
std::vector<OptionIndices> make_candidates(std::size_t sites, std::size_t options, std::size_t count) {
  std::mt19937 random(7);
  const auto any_option = [&] { return static_cast<std::uint8_t>(random() % options); };
  const OptionIndices parent(sites, 1);
  std::vector<OptionIndices> candidates{parent, OptionIndices(sites, framework::full_precision_option)};
  while (candidates.size() < count) {
    OptionIndices candidate = parent;
    if (candidates.size() % 4 == 0) std::generate(candidate.begin(), candidate.end(), any_option);
    for (std::size_t change = 0; change <= random() % 3; ++change) candidate[random() % sites] = any_option();
    candidates.push_back(candidate);
  }
  return candidates;
}

/// The first site of a stage decides what the stage loses; the others take their first option that does the same.
void settle(const std::vector<framework::Site>& sites, OptionIndices& candidate) {
  const auto structure = [&](std::size_t site, std::size_t option) {
    return option == framework::full_precision_option ? "" : sites[site].options[option].structure();
  };
  for (std::size_t s = 1, first = 0; s < sites.size(); ++s) {
    if (sites[s].stage != sites[first].stage) first = s;
    if (structure(s, candidate[s]) == structure(first, candidate[first])) continue;
    candidate[s] = 0;
    while (structure(s, candidate[s]) != structure(first, candidate[first])) ++candidate[s];
  }
}

/// The plainest evaluation: each candidate and each window by itself, one thread, nothing kept.
std::vector<CandidateScores> evaluate_each_alone(const SmallWorld& world, Precision precision,
                                                 const std::vector<OptionIndices>& candidates) {
  kernels::set_kernel_threads(1);
  std::vector<CandidateScores> scores;
  for (const OptionIndices& candidate : candidates) {
    CandidateScores& all = scores.emplace_back();
    for (std::int64_t w = 0; w < world.text.search.count(); ++w) {
      const auto one =
          world.evaluator(precision, 0).evaluate({&candidate, 1}, world.text.search, w, 1, world.teacher, w);
      all.kl.push_back(one.scores[0].kl[0]);
      all.nll.push_back(one.scores[0].nll[0]);
    }
  }
  return scores;
}

struct Arithmetic {
  const char* name;
  Precision precision;
  std::vector<std::string> options;
  bool small = false;  ///< a model whose statistics are soon gathered, with biases
};

class EvaluatorBits : public ::testing::TestWithParam<Arithmetic> {};

TEST_P(EvaluatorBits, AreThoseOfEachCandidateAloneForAnyOrderWindowsAndThreads) {
  const auto& [name, precision, options, small] = GetParam();
  const RandomModel files;
  const SmallWorld world(small ? files.write() : demo_model(), options, precision);
  auto candidates = make_candidates(world.sites.size(), options.size(), 10);
  for (OptionIndices& candidate : candidates) settle(world.sites, candidate);
  const auto alone = evaluate_each_alone(world, precision, candidates);
  std::mt19937 random(11);

  for (const int threads : {1, 2}) {
    kernels::set_kernel_threads(threads);
    for (const auto& [begin, count] : {std::pair{0, 3}, std::pair{1, 2}, std::pair{2, 1}}) {
      std::vector<std::size_t> order(candidates.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      std::vector<OptionIndices> batch;
      for (const std::size_t i : order) batch.push_back(candidates[i]);

      const auto result =
          world.evaluator(precision).evaluate(batch, world.text.search, begin, count, world.teacher, begin);

      for (std::size_t i = 0; i < order.size(); ++i) {
        const CandidateScores& expected = alone[order[i]];
        EXPECT_THAT(result.scores[i].kl, ElementsAreArray(expected.kl.data() + begin, static_cast<std::size_t>(count)));
        EXPECT_THAT(result.scores[i].nll,
                    ElementsAreArray(expected.nll.data() + begin, static_cast<std::size_t>(count)));
      }
      EXPECT_LT(result.runs.made, result.runs.separate);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Arithmetics, EvaluatorBits,
    ::testing::Values(
        Arithmetic{"f32", Precision::f32, {"w2-g32", "w4-g32", "w8-g32"}},
        Arithmetic{"bf16", Precision::bf16, {"w2-g32", "w4-g32", "w8-g32"}},
        Arithmetic{"int8", Precision::f32, {"w4a8", "w6-channel", "w8a8"}},
        Arithmetic{"structure",
                   Precision::f32,
                   {"drop", "keep-50%+w4-g32", "keep-50%+w8-g32", "2:4-magnitude+w4-g32", "w16"},
                   true},
        Arithmetic{"calibrated", Precision::f32, {"w3-g32-gptq", "w4-g32-awq", "w8a8-smooth-static", "q4_0"}, true}),
    [](const auto& instance) { return std::string(instance.param.name); });

/// What earlier calls left in the caches changes nothing, whether there is room for all states, some or none.
TEST_P(EvaluatorBits, AreThoseOfEachCandidateAloneWhateverWasEvaluatedBefore) {
  const auto& [name, precision, options, small] = GetParam();
  const RandomModel files;
  const SmallWorld world(small ? files.write() : demo_model(), options, precision);
  auto candidates = make_candidates(world.sites.size(), options.size(), 6);
  for (OptionIndices& candidate : candidates) settle(world.sites, candidate);
  const auto alone = evaluate_each_alone(world, precision, candidates);

  std::int64_t runs_without = 0;
  for (const std::int64_t state_bytes : {0, 100'000, 1 << 28}) {
    auto evaluator = world.evaluator(precision, 1 << 24, state_bytes);
    std::mt19937 random(5);
    std::int64_t runs = 0;
    for (std::int64_t call = 0; call < 6; ++call) {
      const std::int64_t window = call % 2;
      std::vector<std::size_t> chosen;
      std::vector<OptionIndices> batch;
      for (int i = 0; i < 4; ++i) {
        chosen.push_back(random() % candidates.size());
        batch.push_back(candidates[chosen.back()]);
      }

      const auto result = evaluator.evaluate(batch, world.text.search, window, 1, world.teacher, window);

      runs += result.runs.made;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const CandidateScores& expected = alone[chosen[i]];
        EXPECT_EQ(result.scores[i].kl[0], expected.kl[static_cast<std::size_t>(window)]);
        EXPECT_EQ(result.scores[i].nll[0], expected.nll[static_cast<std::size_t>(window)]);
      }
    }
    if (state_bytes == 0) runs_without = runs;
    if (state_bytes == 1 << 28) {
      EXPECT_LT(runs, runs_without);
    }
  }
}

class Evaluator : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new SmallWorld(demo_model(), {"w2-g32", "w3-g32", "w4-g32", "w5-g32", "w6-g32", "w8-g32"}, Precision::f32);
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  void SetUp() override { kernels::set_kernel_threads(2); }

  static framework::EvaluationResult evaluate(const std::vector<OptionIndices>& candidates, std::int64_t windows = 3) {
    return world_->evaluator(Precision::f32).evaluate(candidates, world_->text.search, 0, windows, world_->teacher, 0);
  }

  static SmallWorld* world_;
};

SmallWorld* Evaluator::world_ = nullptr;

/// Stage runs of one window by the definition: one for the embedding, one for each different choice of all
/// options up to a stage, and the head once a candidate.
std::int64_t count_distinct_prefixes(const SmallWorld& world, const std::vector<OptionIndices>& candidates) {
  std::set<std::pair<std::size_t, OptionIndices>> prefixes;
  for (const OptionIndices& candidate : candidates) {
    for (std::size_t site = 0; site < world.sites.size(); ++site) {
      const bool last_of_stage =
          site + 1 == world.sites.size() || world.sites[site + 1].stage != world.sites[site].stage;
      if (last_of_stage)
        prefixes.insert({site, {candidate.begin(), candidate.begin() + static_cast<std::ptrdiff_t>(site) + 1}});
    }
  }
  return 1 + static_cast<std::int64_t>(prefixes.size() + candidates.size());
}

TEST_F(Evaluator, RunsLittleMoreThanHalfTheStagesOfARoundOfSingleChanges) {
  std::vector<OptionIndices> round;
  for (std::size_t site = 0; site < world_->sites.size(); ++site) {
    for (const std::uint8_t option : {0, 1, 3, 4, 5})
      round.emplace_back(world_->sites.size(), std::uint8_t{2})[site] = option;
  }
  ASSERT_EQ(round.size(), 42U * 5U);

  const auto runs = evaluate(round, 1).runs;

  EXPECT_EQ(runs.separate, 210 * 14);
  EXPECT_EQ(runs.made, count_distinct_prefixes(*world_, round));
  EXPECT_GE(static_cast<double>(runs.separate), 1.8 * static_cast<double>(runs.made));
}

TEST_F(Evaluator, GivesTheSameScoresWhenItsStagesAreSplit) {
  const auto candidates = make_candidates(world_->sites.size(), 6, 10);
  const auto whole = evaluate(candidates, 2);
  const framework::TokenWindows& text = world_->text.search;

  for (const int parts : {2, 3}) {
    std::vector<float> states;
    framework::EvaluationResult result;
    const OptionIndices full(world_->sites.size(), framework::full_precision_option);
    std::vector<float> full_states;
    for (int part = 0; part < parts; ++part) {
      framework::Evaluator evaluator(world_->model, world_->sites, &world_->bank, SmallWorld::length,
                                     {.stages = framework::part_of_chain(world_->model.config(), parts, part)});
      if (part + 1 < parts) {
        const std::vector<float> passed = passed_states(evaluator, candidates, text, 2, states);
        EXPECT_EQ(passed_states(evaluator, candidates, text, 2, states), passed) << "from kept states";
        states = passed;
        full_states = passed_states(evaluator, {&full, 1}, text, 2, full_states);
        continue;
      }
      result = evaluator.evaluate(candidates, text, 0, 2, world_->teacher, 0, states);
      EXPECT_EQ(evaluator.teach(text, 0, 2, 16, full_states).nll,
                world_->evaluator(Precision::f32).teach(text, 0, 2, 16).nll);
      states.pop_back();
      EXPECT_THROW(evaluator.evaluate(candidates, text, 0, 2, world_->teacher, 0, states), InternalError);
    }
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      EXPECT_EQ(result.scores[c].kl, whole.scores[c].kl) << parts << " parts";
      EXPECT_EQ(result.scores[c].nll, whole.scores[c].nll) << parts << " parts";
    }
  }
}

TEST_F(Evaluator, SavesNothingOnASingleCandidate) {
  const auto runs = evaluate({OptionIndices(42, 2)}).runs;

  EXPECT_EQ(runs.made, 14 * 3);
  EXPECT_EQ(runs.made, runs.separate);
}

TEST_F(Evaluator, GivesACandidateThatIsThereTwiceTheSameScores) {
  const auto result = evaluate({OptionIndices(42, 1), OptionIndices(42, 4), OptionIndices(42, 1)});

  EXPECT_EQ(result.scores[0].kl, result.scores[2].kl);
  EXPECT_EQ(result.scores[0].nll, result.scores[2].nll);
}

/// The teacher keeps log-probabilities in binary32, so each is off by up to 2^-24 of itself, and the
/// divergence by up to 2^-24 of the entropy, 7 nats at most with 1024 words; the log-sum-exp of the student
/// adds a rounding of its own of the same size.
TEST_F(Evaluator, FindsNoDivergenceOfTheFullModel) {
  const auto result = evaluate({OptionIndices(42, framework::full_precision_option)});
  framework::Evaluator full = world_->evaluator(Precision::f32);

  const auto teacher = full.teach(world_->text.search, 0, 3, 16);

  for (const double kl : result.scores[0].kl) EXPECT_LT(kl, 1e-6);
  EXPECT_EQ(result.scores[0].nll, teacher.nll);
}

TEST_F(Evaluator, ScoresOnlyTheWordsThatCount) {
  // The mean over words [1, 9) and [9, 24) of a window, weighted by their numbers, is the mean over the window.
  framework::TokenWindows text = world_->text.search;
  const auto scores = [&](std::int64_t first, std::int64_t end) {
    text.scored.assign(3, {first, end});
    return world_->evaluator(Precision::f32)
        .evaluate({{OptionIndices(42, 1)}}, text, 0, 3, world_->teacher, 0)
        .scores[0];
  };
  const auto whole = evaluate({OptionIndices(42, 1)}).scores[0];

  const auto front = scores(1, 9);
  const auto back = scores(9, 24);

  EXPECT_EQ(scores(1, 24).nll, whole.nll);
  for (std::size_t w = 0; w < 3; ++w) {
    EXPECT_NEAR((8 * front.nll[w] + 15 * back.nll[w]) / 23, whole.nll[w], 1e-12);
    EXPECT_NEAR((8 * front.kl[w] + 15 * back.kl[w]) / 23, whole.kl[w], 1e-12);
  }
  EXPECT_EQ(scores(5, 5).nll, std::vector(3, 0.0));
}

TEST_F(Evaluator, LetsNoPaddingTouchAChoice) {
  framework::TokenWindows text = world_->text.search;
  text.scored.assign(3, {4, 9});
  const auto nll = [&] {
    return world_->evaluator(Precision::f32)
        .evaluate({{OptionIndices(42, 2)}}, text, 0, 1, world_->teacher, 0)
        .scores[0]
        .nll[0];
  };
  const double before = nll();

  std::fill(text.tokens.begin() + 9, text.tokens.begin() + 24, 0U);

  EXPECT_EQ(nll(), before);
}

TEST_F(Evaluator, LosesLessWithMoreBits) {
  std::vector<OptionIndices> uniform;
  for (std::uint8_t option = 0; option < 6; ++option) uniform.emplace_back(42, option);

  const auto result = evaluate(uniform);

  for (std::size_t option = 1; option < uniform.size(); ++option) {
    for (std::size_t w = 0; w < 3; ++w) EXPECT_LT(result.scores[option].kl[w], result.scores[option - 1].kl[w]);
  }
}

/// Counting the words beyond the teacher's top as one can only hide divergence: the data processing
/// inequality.
TEST_F(Evaluator, SeesNoMoreDivergenceWithFewerWordsOfTheTeacher) {
  const ScratchDirectory scratch;
  const auto plan = framework::make_teacher_plan(world_->model, world_->text, 16, Precision::f32);
  framework::Evaluator evaluator = world_->evaluator(Precision::f32);
  {
    framework::TeacherWriter writer(scratch / "teacher.h5", plan);
    writer.add(3, evaluator.teach(world_->text.holdout, 0, 2, plan.top_k));
    writer.add(0, evaluator.teach(world_->text.search, 0, 3, plan.top_k));
    writer.commit();
  }
  const framework::Teacher few(scratch / "teacher.h5", plan);
  const std::vector<OptionIndices> candidates{OptionIndices(42, 0), OptionIndices(42, 2)};

  const auto result = evaluator.evaluate(candidates, world_->text.search, 0, 3, few, 0);

  const auto exact = evaluate(candidates);
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t w = 0; w < 3; ++w) EXPECT_LE(result.scores[c].kl[w], exact.scores[c].kl[w] + 1e-6);
    EXPECT_EQ(result.scores[c].nll, exact.scores[c].nll);
  }
}

TEST_F(Evaluator, ScoresHeldOutWindowsByTheirOwnTeacher) {
  const OptionIndices full(42, framework::full_precision_option);

  const auto result =
      world_->evaluator(Precision::f32)
          .evaluate({&full, 1}, world_->text.holdout, 0, 2, world_->teacher, world_->teacher_plan.search_windows);

  for (const double kl : result.scores[0].kl) EXPECT_LT(kl, 1e-6);
  EXPECT_EQ(result.scores[0].nll, world_->teacher.holdout_nll());
}

TEST_F(Evaluator, RefusesTheTeacherOfAnotherPlan) {
  const ScratchDirectory scratch;
  auto plan = world_->teacher_plan;
  {
    framework::TeacherWriter writer(scratch / "teacher.h5", plan);
    framework::Evaluator full = world_->evaluator(Precision::f32);
    writer.add(0, full.teach(world_->text.search, 0, 3, plan.top_k));
    writer.add(3, full.teach(world_->text.holdout, 0, 2, plan.top_k));
    writer.commit();
  }
  plan.key = framework::make_teacher_plan(world_->model, world_->text, plan.top_k, Precision::bf16).key;

  EXPECT_NE(plan.key, world_->teacher_plan.key);
  EXPECT_THROW(framework::Teacher(scratch / "teacher.h5", plan), InputError);
}

}  // namespace
}  // namespace pare::test
