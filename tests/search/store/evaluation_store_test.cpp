// SPDX-License-Identifier: Apache-2.0
#include "search/store/evaluation_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_directory.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using OptionParts = RecipeIdentity::OptionParts;

/// Two layers, each with these options; one calibrated if its name ends in "gptq".
RecipeIdentity two_layers(const std::vector<std::string>& options, const std::string& calibration = "") {
  std::vector<std::vector<OptionParts>> parts(2);
  for (std::size_t layer = 0; layer < 2; ++layer)
    for (const std::string& option : options)
      parts[layer].push_back({{layer, "layer " + std::to_string(layer) + " " + option, option.ends_with("gptq")}});
  return {2, calibration, parts};
}

/// Both layers in one site.
RecipeIdentity tied(const std::vector<std::string>& options) {
  std::vector<std::vector<OptionParts>> parts(1);
  for (const std::string& option : options)
    parts[0].push_back({{1, "layer 1 " + option, false}, {0, "layer 0 " + option, false}});
  return {2, "", parts};
}

TEST(RecipeIdentity, DependsOnWhatBecomesOfEachLayerAndNotOnLists) {
  const auto narrow = two_layers({"w2", "w4"}).of({0, 1});

  EXPECT_EQ(narrow.size(), 16u);
  EXPECT_EQ(two_layers({"w2", "w3", "w4"}).of({0, 2}), narrow);
  EXPECT_NE(two_layers({"w2", "w4"}).of({1, 0}), narrow);
  EXPECT_EQ(tied({"w2", "w4"}).of({1}), two_layers({"w2", "w4"}).of({1, 1}));
}

TEST(RecipeIdentity, DependsOnTheCalibrationWhereAnOptionDoes) {
  const std::vector<std::string> options = {"w2", "w2-gptq"};

  EXPECT_EQ(two_layers(options, "a").of({0, 0}), two_layers(options, "b").of({0, 0}));
  EXPECT_NE(two_layers(options, "a").of({0, 1}), two_layers(options, "b").of({0, 1}));
}

class EvaluationStoreTest : public testing::Test {
 protected:
  EvaluationStore open(const std::string& run, const std::vector<std::string>& options = {"w2", "w4"}) {
    return EvaluationStore({.directory = directory_ / "evaluations",
                            .keys = {"search", "holdout"},
                            .header = {run, "", "model", "", "build"},
                            .epoch = 1,
                            .say = [this](const std::string& text) { said_ += text + "\n"; }},
                           two_layers(options));
  }

  static Result result(const Recipe& recipe, std::int64_t begin, std::vector<double> kl) {
    return {.recipe = recipe, .set = WindowSet::search, .begin = begin, .kl = kl, .nll = kl};
  }

  std::filesystem::path file_of(const std::string& run) const {
    return directory_ / "evaluations" / "search" / (run + "-1.bin");
  }

  const ScratchDirectory directory_;
  std::string said_;
};

TEST_F(EvaluationStoreTest, GivesWhatOtherRunsEvaluatedToAWiderSearch) {
  open("first").add(result({0, 1}, 2, {0.25, 0.5, 0.75}));

  const EvaluationStore wider = open("second", {"w2", "w3", "w4"});
  const std::vector<Result> found = wider.find({0, 2}, WindowSet::search, {0, 4});

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].recipe, (Recipe{0, 2}));
  EXPECT_EQ(found[0].begin, 2);
  EXPECT_THAT(found[0].kl, ElementsAre(0.25, 0.5));
  EXPECT_TRUE(found[0].reused);
  EXPECT_THAT(wider.find({0, 1}, WindowSet::search, {0, 8}), IsEmpty());
  EXPECT_THAT(wider.find({0, 2}, WindowSet::holdout, {0, 8}), IsEmpty());
  EXPECT_THAT(said_, HasSubstr("reusing: 3 evaluated windows of 1 recipes are known from other runs (1 files"));
}

TEST_F(EvaluationStoreTest, ReadsAFileUpToATornEnd) {
  {
    EvaluationStore first = open("first");
    first.add(result({0, 1}, 0, {0.25}));
    first.add(result({1, 1}, 0, {0.5}));
  }
  std::filesystem::resize_file(file_of("first"), std::filesystem::file_size(file_of("first")) - 3);

  const EvaluationStore second = open("second");

  EXPECT_EQ(second.find({0, 1}, WindowSet::search, {0, 1}).size(), 1u);
  EXPECT_THAT(second.find({1, 1}, WindowSet::search, {0, 1}), IsEmpty());
}

TEST_F(EvaluationStoreTest, WarnsOfFilesThatAreDamaged) {
  open("first").add(result({0, 1}, 0, {0.25}));
  write_bytes(file_of("broken"), std::as_bytes(std::span("PAREJRNL and no more")));

  const EvaluationStore second = open("second");

  EXPECT_EQ(second.find({0, 1}, WindowSet::search, {0, 1}).size(), 1u);
  EXPECT_THAT(said_, HasSubstr("broken-1.bin is not used: its header is damaged"));
}

TEST_F(EvaluationStoreTest, UsesNothingOfARecipeThatTwoRunsDisagreeAbout) {
  open("first").add(result({0, 1}, 0, {0.25, 0.5}));
  std::filesystem::rename(file_of("first"), directory_ / "aside");
  open("second").add(result({0, 1}, 0, {0.25, 0.625}));
  std::filesystem::rename(directory_ / "aside", file_of("first"));

  const EvaluationStore third = open("third");

  EXPECT_THAT(third.find({0, 1}, WindowSet::search, {0, 2}), IsEmpty());
  EXPECT_THAT(said_, HasSubstr("contradicts another run about a recipe, which is evaluated again"));
}

}  // namespace
}  // namespace pare::test
