// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_table.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::LatencyTable;
using framework::Phase;

LatencyTable table_of(const std::string& lines) {
  const auto file = std::filesystem::temp_directory_path() / "pare_latency_table_test.csv";
  std::ofstream(file) << "# measured on this and that\nrows,cols,option,phase,tokens,seconds\n" << lines;
  return LatencyTable(file);
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    const std::string text = error.what();
    const auto name = text.find("pare_latency_table_test.csv");
    return name == std::string::npos ? text : text.substr(name);
  }
  return "";
}

TEST(LatencyTable, FindsAnOptionByTheWayItIsStored) {
  const LatencyTable table = table_of("64,32,w3-g32,decode,1,0.000002\n64,32,w4-g32-awq,decode,1,0.5\n");

  EXPECT_EQ(table.picoseconds({64, 32}, framework::parse_option("w3-g32-gptq-mse"), Phase::decode, 1), 2'000'000);
  EXPECT_EQ(table.picoseconds({64, 32}, framework::parse_option("keep-75%+w3-g32"), Phase::decode, 1), 2'000'000);
  EXPECT_EQ(table.picoseconds({64, 32}, framework::parse_option("w4-g32-awq"), Phase::decode, 1), 500'000'000'000);
  EXPECT_EQ(table.picoseconds({64, 32}, framework::parse_option("drop"), Phase::decode, 1), 0);
}

TEST(LatencyTable, SaysWhichLineToAdd) {
  const LatencyTable table = table_of("64,32,w3-g32,decode,1,0.000002\n48,32,w4-g32,prefill,512,0.1\n");

  EXPECT_EQ(refusal([&] {
              table.picoseconds({48, 32}, framework::parse_option("keep-75%+w3-g32-mse"), Phase::decode, 1);
            }),
            "pare_latency_table_test.csv: no time of w3-g32 for 48 x 32, decode of 1 tokens; add the line "
            "'48,32,w3-g32,decode,1,SECONDS' (the nearest there is: 64,32,w3-g32,decode,1)");
}

TEST(LatencyTable, NamesTheLineThatIsWrong) {
  EXPECT_EQ(refusal([] { table_of("64,x,w3-g32,decode,1,0.1\n"); }),
            "pare_latency_table_test.csv:3: cols: expected a whole number of at least 1, got 'x'");
  EXPECT_EQ(refusal([] { table_of("64,32,w3-g32,both,1,0.1\n"); }),
            "pare_latency_table_test.csv:3: phase: expected prefill or decode, got 'both'");
  EXPECT_EQ(refusal([] { table_of("64,32,w3-g32,decode,1,nan\n"); }),
            "pare_latency_table_test.csv:3: seconds: expected a number from 0 to 1000, got 'nan'");
  EXPECT_EQ(refusal([] { table_of("64,32,w3-g32,decode,1\n"); }),
            "pare_latency_table_test.csv:3: expected 6 fields (rows,cols,option,phase,tokens,seconds), got 5");
  EXPECT_EQ(refusal([] { table_of("64,32,w3-g32,decode,1,1\n64,32,w3-g32,decode,1,2\n"); }),
            "pare_latency_table_test.csv:4: this entry is listed twice");
}

}  // namespace
}  // namespace pare::test
