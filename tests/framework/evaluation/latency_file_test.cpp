// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "framework/io/h5_file.hpp"
#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

namespace fs = std::filesystem;
using framework::LatencyEntry;
using framework::Phase;
using framework::read_latency_file;

fs::path file_named(const char* name) {
  return fs::temp_directory_path() / name;
}

const std::vector<LatencyEntry> two{{{64, 32}, "w4-g32", Phase::decode, 1, 2e-6, 1.5e-6, 4e-6},
                                    {{64, 32}, "w8a8", Phase::prefill, 512, 3e-3, 2.5e-3, 5e-3}};

void expect_equal(const std::vector<LatencyEntry>& found, const std::vector<LatencyEntry>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].option, expected[i].option);
    EXPECT_EQ(found[i].shape.outputs, expected[i].shape.outputs);
    EXPECT_EQ(found[i].shape.inputs, expected[i].shape.inputs);
    EXPECT_EQ(found[i].phase, expected[i].phase);
    EXPECT_EQ(found[i].tokens, expected[i].tokens);
    EXPECT_DOUBLE_EQ(found[i].seconds, expected[i].seconds);
    EXPECT_DOUBLE_EQ(found[i].lowest, expected[i].lowest);
    EXPECT_DOUBLE_EQ(found[i].highest, expected[i].highest);
  }
}

std::string refusal(const fs::path& file) {
  try {
    read_latency_file(file);
  } catch (const InputError& error) {
    const std::string text = error.what();
    return text.substr(text.find(file.filename().string()));
  }
  return "";
}

TEST(LatencyFile, ReadsWhatItWroteAsHdf5AndAsText) {
  for (const char* name : {"pare_latency_file_test.h5", "pare_latency_file_test.csv"}) {
    const fs::path file = file_named(name);

    framework::write_latency_file(file, two, {{"device", "a card"}});

    expect_equal(read_latency_file(file), two);
  }
}

TEST(LatencyFile, ReadsTextWithoutSpread) {
  const fs::path file = file_named("pare_latency_file_short.csv");
  std::ofstream(file) << "rows,cols,option,phase,tokens,seconds\n64,32,w4-g32,decode,1,2e-6\n";

  expect_equal(read_latency_file(file), {{{64, 32}, "w4-g32", Phase::decode, 1, 2e-6, 2e-6, 2e-6}});
}

TEST(LatencyFile, NamesTheRowOfHdf5ThatIsWrong) {
  const fs::path file = file_named("pare_latency_file_wrong.h5");

  framework::write_latency_file(file, {two[0], two[0]}, {});
  EXPECT_EQ(refusal(file), "pare_latency_file_wrong.h5: row 1: this entry is listed twice");

  LatencyEntry slow = two[1];
  slow.seconds = -1;
  framework::write_latency_file(file, {slow}, {});
  EXPECT_EQ(refusal(file), "pare_latency_file_wrong.h5: row 0: seconds: expected a number from 0 to 1000, got '-1'");
}

TEST(LatencyFile, RefusesOtherFiles) {
  const fs::path file = file_named("pare_latency_file_other.h5");
  framework::H5File other = framework::H5File::create(file);
  other.set_attribute("/", "format", "something else");
  other.commit();

  EXPECT_EQ(refusal(file),
            "pare_latency_file_other.h5: is no latency table (a file of `pare profile`, or text with the header "
            "rows,cols,option,phase,tokens,seconds)");
  EXPECT_EQ(refusal(fs::temp_directory_path() / "pare_no_such_file.csv"),
            "pare_no_such_file.csv: cannot be read as a latency table: No such file or directory");
}

}  // namespace
}  // namespace pare::test
