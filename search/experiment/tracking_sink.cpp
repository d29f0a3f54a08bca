// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/tracking_sink.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include "kernels/core/contract.hpp"
#include "search/store/owner.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void make_directories(const fs::path& directory) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  VALIDATE(!failed, directory.string(), ": cannot be created: ", failed.message());
}

/// To be appended to behind what is sound of it.
PosixFile open_behind(const fs::path& path, std::size_t size, std::size_t sound) {
  PosixFile file(path, PosixFile::Mode::append_existing);
  if (sound < size) file.truncate(sound);
  return file;
}

/// The last trial that the lines have of a run; -1: none.
std::int64_t last_trial(std::string_view lines, const std::string& run) {
  std::int64_t last = -1;
  bool ours = false;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    const framework::Json event = framework::Json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event")) continue;
    if (event["event"] == "start") ours = event.contains("run") && event["run"] == run;
    if (ours && event["event"] == "trial" && event.contains("step") && event["step"].is_number_integer())
      last = std::max(last, event["step"].get<std::int64_t>());
  }
  return last;
}

class JsonLines : public TrackingSink {
 public:
  JsonLines(const fs::path& path, const std::string& run) : file_(open(path, run, last_trial_)) {}

  void write(const TrackedEvent& event) override {
    if (event.trial >= 0 && event.trial <= last_trial_) return;
    const std::string line = event.line.dump() + "\n";
    file_.write(std::as_bytes(std::span(line)));
  }

 private:
  static PosixFile open(const fs::path& path, const std::string& run, std::int64_t& last) {
    if (path.has_parent_path()) make_directories(path.parent_path());
    std::error_code unknown;
    if (!fs::exists(path, unknown)) return PosixFile(path, PosixFile::Mode::create_new);
    if (!fs::is_regular_file(path, unknown)) return PosixFile(path, PosixFile::Mode::append_existing);
    const std::vector<std::byte> bytes = read_file(path);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::string_view lines = text.substr(0, text.rfind('\n') + 1);
    last = last_trial(lines, run);
    return open_behind(path, text.size(), lines.size());
  }

  std::int64_t last_trial_ = -1;
  PosixFile file_;
};

class EventFile : public TrackingSink {
 public:
  EventFile(const fs::path& directory, const std::string& run) : file_(open(directory, run, last_trial_)) {}

  void write(const TrackedEvent& event) override {
    if (event.trial <= last_trial_ || event.scalars.empty()) return;
    file_.write(framework::event_record(unix_seconds(), event.trial, event.scalars));
  }

 private:
  static std::optional<fs::path> find(const fs::path& directory, const std::string& ending) {
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("events.out.tfevents.") && name.ends_with(ending)) return entry.path();
    }
    return std::nullopt;
  }

  static PosixFile open(const fs::path& directory, const std::string& run, std::int64_t& last) {
    make_directories(directory);
    const std::string ending = ".pare-" + run;
    if (const auto known = find(directory, ending)) {
      const std::vector<std::byte> bytes = read_file(*known);
      const framework::EventFileScan scan = framework::scan_event_file(bytes);
      last = scan.last_step;
      PosixFile file = open_behind(*known, bytes.size(), scan.sound_bytes);
      if (scan.sound_bytes == 0) file.write(framework::event_file_head(unix_seconds()));
      return file;
    }
    const Owner owner = this_process();
    const auto now = unix_seconds();
    PosixFile file(directory / fmt::format("events.out.tfevents.{:.0f}.{}.{}{}", now, owner.host, owner.pid, ending),
                   PosixFile::Mode::create_new);
    file.write(framework::event_file_head(now));
    return file;
  }

  std::int64_t last_trial_ = -1;
  PosixFile file_;
};

}  // namespace

std::unique_ptr<TrackingSink> open_json_lines(const fs::path& file, const std::string& run) {
  return std::make_unique<JsonLines>(file, run);
}

std::unique_ptr<TrackingSink> open_event_file(const fs::path& directory, const std::string& run) {
  return std::make_unique<EventFile>(directory, run);
}

}  // namespace pare::search
