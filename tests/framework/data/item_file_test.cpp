// SPDX-License-Identifier: Apache-2.0
#include "framework/data/item_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "framework/data/item_scores.hpp"
#include "framework/data/text_mixture.hpp"
#include "framework/data/window_file.hpp"
#include "framework/io/h5_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::ScoredWords;
using framework::TokenWindows;
using framework::WindowPlan;
using framework::WindowSets;
using testing::ElementsAre;
using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// Tokens 0 ... 39; items of a context and two or three choices, then text.
struct ItemFile {
  Pairs context{{0, 3}, {7, 9}, {12, 18}};
  Pairs choice{{3, 5}, {5, 7}, {9, 10}, {10, 11}, {11, 12}, {18, 20}, {20, 21}};
  std::vector<std::uint64_t> offsets{0, 2, 5, 7};
  std::vector<std::uint32_t> label{1, 2, 0};
  std::vector<std::uint32_t> bytes{4, 2, 1, 1, 1, 5, 2};
  std::string score = "sum";

  std::filesystem::path write(const std::filesystem::path& path) const {
    std::vector<std::uint32_t> ids(40);
    std::iota(ids.begin(), ids.end(), 0U);
    auto file = framework::H5File::create(path);
    file.write("/tokens", ids);
    file.create_group("/items");
    const auto put = [&](const char* name, const Pairs& pairs) {
      std::vector<std::uint64_t> values;
      for (const auto& [begin, end] : pairs) values.insert(values.end(), {begin, end});
      file.write(name, kernels::MatrixView<const std::uint64_t>(values.data(), std::ssize(pairs), 2));
    };
    put("/items/context", context);
    put("/items/choice", choice);
    file.write("/items/choice_offsets", offsets);
    file.write("/items/label", label);
    file.write("/items/choice_bytes", bytes);
    file.set_attribute("/items", "score", score);
    file.commit();
    return path;
  }
};

constexpr WindowPlan plan{.windows = 2, .length = 6, .holdout = 1, .calibration = 0, .choices = 3};

class ItemFileTest : public testing::Test {
 protected:
  WindowSets read(const ItemFile& file, const WindowPlan& how = plan) const {
    return framework::read_items(file.write(path_), how, 100);
  }
  /// Without the name of the file.
  std::string error(const ItemFile& file, const WindowPlan& how = plan) const {
    const std::string text = error_of([&] { read(file, how); });
    EXPECT_TRUE(text.starts_with(path_.string() + ": ")) << text;
    return text.substr(std::min(text.size(), path_.string().size() + 2));
  }

  ScratchDirectory directory_;
  std::filesystem::path path_ = directory_ / "exam.h5";
};

TEST_F(ItemFileTest, GivesEveryChoiceARowOfItsOwn) {
  const TokenWindows search = read({}).search;

  ASSERT_EQ(search.count(), 6);  // two items of three rows
  EXPECT_THAT(search.window(0), ElementsAre(0, 1, 2, 3, 4, 0));
  EXPECT_THAT(search.window(1), ElementsAre(0, 1, 2, 5, 6, 0));
  EXPECT_THAT(search.window(2), ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_THAT(search.window(5), ElementsAre(7, 8, 11, 0, 0, 0));
  EXPECT_EQ(search.scored_words(0), (ScoredWords{3, 5}));
  EXPECT_EQ(search.scored_words(2).count(), 0);
  EXPECT_EQ(search.scored_words(5), (ScoredWords{2, 3}));
  EXPECT_EQ(search.items.labels, (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(search.items.choices, (std::vector<std::uint8_t>{2, 3}));
}

TEST_F(ItemFileTest, LeavesOutTheBeginningOfAContextThatDoesNotFit) {
  const TokenWindows holdout = read({}).holdout;

  EXPECT_THAT(holdout.window(0), ElementsAre(14, 15, 16, 17, 18, 19));
  EXPECT_EQ(holdout.scored_words(0), (ScoredWords{4, 6}));
  EXPECT_THAT(holdout.window(1), ElementsAre(13, 14, 15, 16, 17, 20));
}

TEST_F(ItemFileTest, CalibratesOnTheTextBehindTheItems) {
  WindowPlan how = plan;
  how.calibration = 2;

  EXPECT_THAT(read({}, how).calibration.window(1), ElementsAre(27, 28, 29, 30, 31, 32));
  how.calibration = 4;
  EXPECT_EQ(
      error({}, how),
      "19 tokens behind the items that are asked, the experiment calibrates on 4 windows of 6; give more items or "
      "lower data.calibration_windows");
}

TEST_F(ItemFileTest, SurvivesTheFileThatWorkersRead) {
  const WindowSets sets = read({});
  framework::write_window_file(directory_ / "text.h5", sets);

  const WindowSets found = framework::read_window_file(directory_ / "text.h5", 100);

  EXPECT_EQ(found.search.items, sets.search.items);
  EXPECT_EQ(found.search.scored, sets.search.scored);
  EXPECT_EQ(framework::hash_of(found), framework::hash_of(sets));
}

TEST_F(ItemFileTest, HashesTheRightAnswers) {
  ItemFile other;
  other.label[0] = 0;

  EXPECT_NE(framework::hash_of(read({})), framework::hash_of(read(other)));
}

TEST_F(ItemFileTest, NamesWhatIsWrongWithAnItem) {
  ItemFile file;
  file.offsets = {0, 1, 5, 7};
  EXPECT_EQ(error(file), "item 0 has 1 choices (there is nothing to choose), give two or more");
  file = {};
  file.label[1] = 3;
  EXPECT_EQ(error(file), "item 1: label 3 is none of its 3 choices, which count from 0");
  file = {};
  file.choice[0] = {3, 9};
  EXPECT_EQ(error(file),
            "item 0, choice 0 has 6 tokens, which do not fit behind a context into a window of 6, raise data.length");
  file = {};
  file.choice[4] = {11, 11};
  EXPECT_EQ(error(file), "item 1, choice 2 is empty");
  file = {};
  file.context[0] = {3, 3};
  EXPECT_EQ(error(file), "item 0 has an empty context, nothing precedes its choices");
  file = {};
  file.choice[6] = {20, 41};
  EXPECT_EQ(error(file), "/items/choice: row 6 is from 20 to 41, the file has 40 tokens");
  file = {};
  file.label.pop_back();
  EXPECT_EQ(error(file), "the columns of /items do not belong together, scripts/tokenize.py --items writes them");
  file = {};
  file.score = "mean";
  EXPECT_EQ(error(file), "/items: score is 'mean' (known: sum, bytes)");
}

TEST_F(ItemFileTest, NamesWhatIsMissing) {
  WindowPlan how = plan;
  how.choices = 2;
  EXPECT_EQ(error({}, how), "item 1 has 3 choices, but data.choices is 2, raise it to the most of any item");
  how = plan;
  how.windows = 3;
  EXPECT_EQ(error({}, how),
            "3 items, the experiment needs 3 + 1 held out; give more or lower data.windows and data.holdout");

  auto file = framework::H5File::create(path_);
  file.write("/tokens", std::vector<std::uint32_t>{1, 2, 3});
  file.commit();
  EXPECT_EQ(error_of([&] { framework::read_items(path_, plan, 100); }),
            path_.string() +
                ": has no multiple-choice items (/items), which objective.metric: accuracy needs, scripts/tokenize.py "
                "--items writes them");
}

TEST_F(ItemFileTest, DealsItemsToDomains) {
  ItemFile().write(directory_ / "a.h5");
  ItemFile().write(directory_ / "b.h5");
  const WindowPlan how{.windows = 4, .length = 6, .holdout = 2, .calibration = 0, .choices = 3};

  const WindowSets sets =
      framework::read_mixture({{directory_ / "a.h5", "a", 1}, {directory_ / "b.h5", "b", 1}}, how, 100);

  EXPECT_EQ(sets.search.items.labels, (std::vector<std::uint8_t>{1, 1, 2, 2}));
  EXPECT_EQ(sets.search.count(), 12);
  EXPECT_EQ(sets.holdout.items.choices, (std::vector<std::uint8_t>{2, 2}));
}

TEST_F(ItemFileTest, TheAnswerIsTheMostLikelyChoice) {
  const TokenWindows items = read({}).search;
  // Mean losses a row. Item 0: 2 x 1.0 against 2 x 1.5, the label is the second. Item 1: the third is the least.
  const std::vector<double> nll{1.0, 1.5, 0, 2.0, 3.0, 1.0};
  const std::vector<double> kl{0.1, 0.3, 9, 0.2, 0.4, 0.6};

  const framework::ItemScores scores = framework::score_items(items, 0, kl, nll);

  EXPECT_THAT(scores.wrong, ElementsAre(1, 0));
  EXPECT_THAT(scores.nll, ElementsAre(1.5, 1.0));
  EXPECT_THAT(scores.kl, ElementsAre(testing::DoubleEq(0.2), testing::DoubleEq(0.4)));
  EXPECT_THAT(
      framework::score_items(items, 1, std::vector(kl.begin() + 3, kl.end()), std::vector(nll.begin() + 3, nll.end()))
          .wrong,
      ElementsAre(0));
}

TEST_F(ItemFileTest, CountsAChoiceByItsBytesWhereThatIsAskedFor) {
  ItemFile file;
  file.score = "bytes";
  const std::vector<double> nll{1.6, 1.0, 0, 2.0, 3.0, 1.0};  // item 0: 3.2 of 4 bytes against 2.0 of 2

  EXPECT_THAT(framework::score_items(read({}).search, 0, nll, nll).wrong, ElementsAre(0, 0));
  EXPECT_THAT(framework::score_items(read(file).search, 0, nll, nll).wrong, ElementsAre(1, 0));
}

}  // namespace
}  // namespace pare::test
