// SPDX-License-Identifier: Apache-2.0
#include "framework/log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::log_line;
using framework::LogLevel;
using framework::open_log;
using testing::ElementsAre;
using testing::MatchesRegex;
namespace fs = std::filesystem;

class Log : public testing::Test {
 protected:
  Log() { fs::remove_all(directory_); }
  ~Log() override { fs::remove_all(directory_); }

  static std::vector<std::string> lines_of(const fs::path& file) {
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  fs::path directory_ = fs::temp_directory_path() / "pare_log_test";
};

TEST_F(Log, WritesTimeLevelAndTextInOneLine) {
  open_log(directory_ / "logs" / "rank-0003.log");
  log_line(LogLevel::info, "100 % {} of it\nis text");
  log_line(LogLevel::error, "a worker is lost");

  const std::string time = "20[0-9-]+T[0-9:]+\\.[0-9]+Z ";
  EXPECT_THAT(lines_of(directory_ / "logs" / "rank-0003.log"),
              ElementsAre(MatchesRegex(time + "info    100 % \\{\\} of it is text"),
                          MatchesRegex(time + "error   a worker is lost")));
}

TEST_F(Log, KeepsTheLinesOfAnEarlierStart) {
  for (const char* text : {"first", "second"}) {
    open_log(directory_ / "rank-0000.log");
    log_line(LogLevel::warning, text);
  }

  EXPECT_EQ(lines_of(directory_ / "rank-0000.log").size(), 2U);
}

TEST_F(Log, SaysWhereNoLogCanBeWritten) {
  try {
    open_log("/proc/none/rank-0000.log");
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("/proc/none/rank-0000.log: no log can be written there"));
  }
}

}  // namespace
}  // namespace pare::test
