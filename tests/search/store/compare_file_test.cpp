// SPDX-License-Identifier: Apache-2.0
#include "search/store/compare_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "framework/io/h5_file.hpp"
#include "scratch_directory.hpp"
#include "search/store/compare_schema.hpp"
#include "search/store/run_file.hpp"
#include "small_run.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/objective/small_comparison.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::HasSubstr;
using testing::StartsWith;

class CompareFileTest : public testing::Test {
 protected:
  ScratchDirectory directory;
  std::filesystem::path path = directory / "compare.h5";
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_F(CompareFileTest, ReadsBackWhatWasWritten) {
  const CompareRecord record = small_comparison();
  write_compare_file(path, record);

  const CompareRecord again = read_compare_file(path);

  EXPECT_EQ(again.identity, record.identity);
  EXPECT_EQ(again.provenance, record.provenance);
  EXPECT_EQ(again.seeds, record.seeds);
  EXPECT_EQ(again.sites[1].options, record.sites[1].options);
  EXPECT_EQ(again.budgets[0].uniform->window_kl, record.budgets[0].uniform->window_kl);
  ASSERT_EQ(again.cells.size(), 9U);
  EXPECT_EQ(again.cells[4].window_kl, record.cells[4].window_kl);
  EXPECT_EQ(again.cells[4].trajectory[1].tokens, 400);
  EXPECT_EQ(compare_csv(again), compare_csv(record));
  write_compare_file(directory / "again.h5", again);
  EXPECT_EQ(bytes_of(directory / "again.h5"), bytes_of(path));
}

TEST_F(CompareFileTest, HoldsAComparisonWithoutCellsOrUniform) {
  CompareRecord record = small_comparison();
  record.cells.clear();
  record.budgets[0].uniform.reset();
  record.digest.clear();
  write_compare_file(path, record);

  const CompareRecord again = read_compare_file(path);

  EXPECT_TRUE(again.cells.empty());
  EXPECT_FALSE(again.budgets[0].uniform.has_value());
}

TEST_F(CompareFileTest, DescribesEveryColumn) {
  write_compare_file(path, small_comparison());

  for (const auto& object : framework::H5File::open(path).objects()) {
    if (!object.type) continue;  // a group
    EXPECT_EQ(object.attributes.size(), 2U) << object.name;
  }
}

TEST_F(CompareFileTest, RefusesARunFile) {
  write_run_file(path, small_run());

  EXPECT_FALSE(is_compare_file(path));
  EXPECT_EQ(error_of([&] { read_compare_file(path); }), path.string() + ": this is no comparison file of pare");
}

TEST_F(CompareFileTest, RefusesAnotherVersion) {
  framework::H5File later = framework::H5File::create(path);
  later.set_attribute("/", "format", std::string(compare_schema::format));
  later.set_attribute("/", "version", compare_schema::version + 1);
  later.commit();

  EXPECT_THAT(error_of([&] { read_compare_file(path); }),
              HasSubstr("comparison file version 2, this pare reads version 1"));
}

TEST_F(CompareFileTest, RefusesARecipeThatDoesNotFitTheSites) {
  CompareRecord record = small_comparison();
  record.cells[2].recipe = {0, 7};
  write_compare_file(path, record);

  EXPECT_THAT(error_of([&] { read_compare_file(path); }), HasSubstr("damaged: a recipe does not fit /sites"));
}

TEST_F(CompareFileTest, WritesALineACellAsCsv) {
  const std::string csv = compare_csv(small_comparison());

  EXPECT_THAT(csv, StartsWith("budget,budget_bytes,algorithm,seed,kl_mean,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 10);
  EXPECT_THAT(csv, HasSubstr("\nbits_per_weight: 3,750,pare,1,0.115,"));
  EXPECT_THAT(csv, HasSubstr(",,,,1000,800,800,2.5,750,4.5\n"));  // the reference differs from nobody
  EXPECT_THAT(csv, HasSubstr(",1000,800,,,750,4.5\n"));           // never as good as evopress, seconds unknown
}

}  // namespace pare::test
