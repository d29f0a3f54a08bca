// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/tracking_sink.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "search/store/posix_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void append(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::app) << text;
}

search::TrackedEvent start(const std::string& run) {
  return {.trial = -1, .line = {{"event", "start"}, {"run", run}}, .scalars = {}};
}

search::TrackedEvent trial(std::int64_t step) {
  return {.trial = step, .line = {{"event", "trial"}, {"step", step}}, .scalars = {{"loss", 0.5F}}};
}

fs::path only_file(const fs::path& directory) {
  const std::vector<fs::directory_entry> files(fs::directory_iterator(directory), {});
  EXPECT_EQ(files.size(), 1U);
  return files.at(0);
}

}  // namespace

TEST(TrackingLines, AContinuedRunRepeatsNoTrialAndCutsTheLineThatWasNotFinished) {
  const ScratchDirectory scratch;
  const fs::path file = scratch / "deeper" / "run.jsonl";
  {
    const auto lines = search::open_json_lines(file, "a");
    for (const auto& event : {start("a"), trial(0), trial(1)}) lines->write(event);
  }
  append(file, R"({"event":"trial","st)");

  const auto lines = search::open_json_lines(file, "a");
  for (const auto& event : {start("a"), trial(0), trial(1), trial(2)}) lines->write(event);

  EXPECT_EQ(text_of(file), R"({"event":"start","run":"a"})"
                           "\n"
                           R"({"event":"trial","step":0})"
                           "\n"
                           R"({"event":"trial","step":1})"
                           "\n"
                           R"({"event":"start","run":"a"})"
                           "\n"
                           R"({"event":"trial","step":2})"
                           "\n");
}

TEST(TrackingLines, RunsThatShareAFileKeepTheirOwnCount) {
  const ScratchDirectory scratch;
  const fs::path file = scratch / "run.jsonl";
  for (const char* const run : {"a", "b"}) {
    const auto lines = search::open_json_lines(file, run);
    for (const auto& event : {start(run), trial(0)}) lines->write(event);
  }
  append(file, "not JSON\n");

  const auto lines = search::open_json_lines(file, "a");
  for (const auto& event : {start("a"), trial(0), trial(1)}) lines->write(event);

  EXPECT_THAT(text_of(file), testing::EndsWith("not JSON\n"
                                               R"({"event":"start","run":"a"})"
                                               "\n"
                                               R"({"event":"trial","step":1})"
                                               "\n"));
}

TEST(TrackingEvents, AContinuedRunAppendsToItsOwnFile) {
  const ScratchDirectory scratch;
  { search::open_event_file(scratch / "tb", "a")->write(trial(4)); }
  const fs::path file = only_file(scratch / "tb");
  const auto size = fs::file_size(file);
  append(file, "half a record");

  const auto events = search::open_event_file(scratch / "tb", "a");
  for (const auto& event : {start("a"), trial(3), trial(4)}) events->write(event);
  EXPECT_EQ(fs::file_size(file), size);
  events->write(trial(5));

  const framework::EventFileScan scan = framework::scan_event_file(search::read_file(only_file(scratch / "tb")));
  EXPECT_EQ(scan.last_step, 5);
  EXPECT_EQ(scan.sound_bytes, fs::file_size(file));
  search::open_event_file(scratch / "tb", "b");
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch / "tb"), {}), 2);
}

TEST(TrackingSinks, NameWhatCannotBeWritten) {
  const ScratchDirectory scratch;
  append(scratch / "file", "x");

  EXPECT_THAT(error_of([&] { search::open_event_file(scratch / "file" / "tb", "a"); }),
              HasSubstr("file/tb: cannot be created"));
  const auto full = search::open_json_lines("/dev/full", "a");
  EXPECT_THROW(full->write(trial(0)), search::JournalError);
}

}  // namespace pare::test
