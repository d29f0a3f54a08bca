// SPDX-License-Identifier: Apache-2.0
#include "search/store/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using namespace search;

const Result example{.recipe = {0, 3, 255},
                     .set = WindowSet::holdout,
                     .begin = 16,
                     .kl = {0.25, 1e-9},
                     .nll = {1.5, 2.5},
                     .stage_runs = 18,
                     .stage_runs_saved = 4,
                     .reused = true};
const Commit commit{12, "abc", {{1, 2}, WindowSet::holdout, 3, 4}, 2.5};
const std::vector<std::byte> image{std::byte{1}, std::byte{0}, std::byte{255}};

JournalRecord stored(const Record& record) {
  JournalEntry entry = journal_entry(record);
  return {7, entry.type, std::move(entry.payload)};
}

TEST(Records, KeepTheAnswersToItems) {
  Result items = example;
  items.wrong = {0, 1};

  EXPECT_EQ(std::get<Result>(decode_record(stored(items))).wrong, items.wrong);
  EXPECT_TRUE(std::get<Result>(decode_record(stored(example))).wrong.empty());
}

TEST(Records, SurviveARoundTrip) {
  const auto result = std::get<Result>(decode_record(stored(example)));
  const auto committed = std::get<Commit>(decode_record(stored(commit)));
  const auto close = std::get<Close>(decode_record(stored(Close{"def", image})));
  const auto plan = std::get<PlanRecord>(decode_record(stored(PlanRecord{image})));
  const auto epoch = std::get<Epoch>(decode_record(stored(Epoch{7, "host: a\n"})));
  const auto poisoned = std::get<Poisoned>(decode_record(stored(Poisoned{{4, 5}, 9, "crashed twice"})));

  EXPECT_EQ(result.recipe, example.recipe);
  EXPECT_EQ(result.set, WindowSet::holdout);
  EXPECT_EQ(result.begin, 16);
  EXPECT_EQ(result.kl, example.kl);
  EXPECT_EQ(result.nll, example.nll);
  EXPECT_EQ(result.stage_runs, 18);
  EXPECT_EQ(result.stage_runs_saved, 4);
  EXPECT_TRUE(result.reused);
  EXPECT_EQ(committed.trial, 12);
  EXPECT_EQ(committed.digest, "abc");
  EXPECT_EQ(committed.request.recipe, commit.request.recipe);
  EXPECT_EQ(committed.request.set, WindowSet::holdout);
  EXPECT_EQ(committed.request.begin, 3);
  EXPECT_EQ(committed.request.count, 4);
  EXPECT_EQ(committed.seconds, 2.5);
  EXPECT_EQ(close.verdict_digest, "def");
  EXPECT_EQ(poisoned.recipe, (Recipe{4, 5}));
  EXPECT_EQ(poisoned.trial, 9);
  EXPECT_EQ(poisoned.text, "crashed twice");
  EXPECT_EQ(close.run, image);
  EXPECT_EQ(plan.run, image);
  EXPECT_EQ(epoch.epoch, 7u);
  EXPECT_EQ(epoch.owner, "host: a\n");
}

TEST(Records, TakesAResultThatEndsBeforeTheLastField) {
  JournalRecord older = stored(example);
  older.payload.pop_back();

  EXPECT_FALSE(std::get<Result>(decode_record(older)).reused);
}

TEST(Records, TakesACommitWithoutItsTime) {
  JournalRecord older = stored(commit);
  older.payload.resize(older.payload.size() - sizeof(double));

  EXPECT_TRUE(std::isnan(std::get<Commit>(decode_record(older)).seconds));
}

TEST(Records, RefuseEveryOtherLength) {
  for (const Record& record : {Record{example}, Record{commit}, Record{Close{"def", image}}, Record{PlanRecord{image}},
                               Record{Epoch{1, "a"}}, Record{Poisoned{{4}, 9, "crash"}}}) {
    const JournalRecord whole = stored(record);
    const std::size_t last_field = std::holds_alternative<Result>(record)   ? 1
                                   : std::holds_alternative<Commit>(record) ? sizeof(double)
                                                                            : 0;
    for (std::size_t size = 0; size < whole.payload.size(); ++size) {
      if (size + last_field == whole.payload.size()) continue;
      JournalRecord cut = whole;
      cut.payload.resize(size);
      EXPECT_THROW(decode_record(cut), InputError) << size;
    }
    JournalRecord longer = whole;
    longer.payload.push_back(std::byte{0});
    EXPECT_THROW(decode_record(longer), InputError);
  }
}

TEST(Records, RefuseValuesThatCannotBe) {
  JournalRecord unknown_type = stored(example);
  unknown_type.type = 99;
  JournalRecord unknown_set = stored(example);
  unknown_set.payload[4 + 3] = std::byte{2};
  JournalRecord negative_begin = stored(example);
  negative_begin.payload[4 + 3 + 1 + 7] = std::byte{0x80};

  EXPECT_THROW(decode_record(unknown_type), InputError);
  EXPECT_THROW(decode_record(unknown_set), InputError);
  EXPECT_THROW(decode_record(negative_begin), InputError);
}

TEST(Records, DecodeRandomBytesOrRefuseThem) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    JournalRecord record = stored(example);
    record.type = static_cast<std::uint16_t>(random() % 8);
    for (int change = 0; change < 3; ++change)
      record.payload[random() % record.payload.size()] = static_cast<std::byte>(random());
    try {
      decode_record(record);
    } catch (const InputError& error) {
      ASSERT_THAT(error.what(), testing::StartsWith("journal record 7"));
    }
  }
}

}  // namespace
}  // namespace pare::test
