// SPDX-License-Identifier: Apache-2.0
#include "search/store/owner.hpp"

#include <fmt/chrono.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "framework/comm/process_info.hpp"

namespace pare::search {
namespace {

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Nothing when the text is no number.
std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Owner this_process() {
  std::error_code ignored;
  Owner owner;
  owner.host = framework::host_name();
  owner.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  owner.pid_namespace = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
  owner.pid = ::getpid();
  owner.pid_start = framework::find_process(owner.pid).value_or(framework::ProcessInfo{}).start;
  owner.job = environment("SLURM_JOB_ID");
  owner.restarts = number_in(environment("SLURM_RESTART_COUNT")).value_or(0);
  owner.since = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                            fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  return owner;
}

std::string to_text(const Owner& owner) {
  return fmt::format(
      "host: {}\nboot_id: {}\npid_namespace: {}\npid: {}\npid_start: {}\njob: {}\nrestarts: {}\nsince: {}\n",
      owner.host, owner.boot_id, owner.pid_namespace, owner.pid, owner.pid_start, owner.job, owner.restarts,
      owner.since);
}

std::optional<Owner> parse_owner(std::string_view text) {
  constexpr std::array<std::string_view, 8> keys = {
      "host: ", "boot_id: ", "pid_namespace: ", "pid: ", "pid_start: ", "job: ", "restarts: ", "since: "};
  std::array<std::string, keys.size()> values;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || text.substr(0, keys[i].size()) != keys[i]) return std::nullopt;
    values[i] = text.substr(keys[i].size(), end - keys[i].size());
    text.remove_prefix(end + 1);
  }
  const auto pid = number_in(values[3]);
  const auto restarts = number_in(values[6]);
  if (!pid || !restarts) return std::nullopt;
  return Owner{values[0], values[1], values[2], *pid, values[4], values[5], *restarts, values[7]};
}

std::filesystem::path owner_path(const std::filesystem::path& journal) {
  return journal / "owner";
}

std::string owner_text(const std::filesystem::path& journal) {
  std::ifstream file(owner_path(journal), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string describe(const Owner& owner) {
  return fmt::format("pid {} on host {} since {}", owner.pid, owner.host, owner.since);
}

Presence presence_of(const Owner& other, const Owner& self) {
  if (!other.job.empty() && other.job == self.job && other.restarts < self.restarts) return Presence::gone;
  if (other.boot_id != self.boot_id) return other.host == self.host ? Presence::gone : Presence::unknown;
  if (other.pid_namespace != self.pid_namespace) return Presence::unknown;
  const framework::ProcessInfo process = framework::find_process(other.pid).value_or(framework::ProcessInfo{});
  if (process.start != other.pid_start) return Presence::gone;
  // The first thread of a process may have ended before the others.
  return process.ended() ? Presence::unknown : Presence::alive;
}

}  // namespace pare::search
