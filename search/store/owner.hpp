// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pare::search {

/// A process that writes a journal, told apart from every other one on every machine. Texts are one line each,
/// empty where the system does not say.
struct Owner {
  std::string host;
  std::string boot_id;        ///< a new one each time the kernel starts
  std::string pid_namespace;  ///< containers number their processes anew
  std::int64_t pid = 0;
  std::string pid_start;      ///< clock ticks from boot to the start of the process: pids are used again
  std::string job;            ///< SLURM_JOB_ID
  std::int64_t restarts = 0;  ///< SLURM_RESTART_COUNT
  std::string since;          ///< UTC, for people: nothing is decided by it

  bool operator==(const Owner&) const = default;
};

/// This process.
Owner this_process();

/// "key: value" lines in the order above.
std::string to_text(const Owner& owner);
/// Nothing when the text is not what to_text makes, further lines allowed.
std::optional<Owner> parse_owner(std::string_view text);

/// The file in the journal's directory that names its writer.
std::filesystem::path owner_path(const std::filesystem::path& journal);
/// What it says. Empty when there is none, or it cannot be read.
std::string owner_text(const std::filesystem::path& journal);

/// "pid 4711 on host node7 since 2026-11-26 14:02:11 UTC"
std::string describe(const Owner& owner);

enum class Presence { alive, gone, unknown };

/// Whether another owner still runs, as far as this process can tell without waiting. Gone: its process is not
/// there or was started at another time, its machine was started anew, or its SLURM job was requeued since.
/// Unknown: it ran on another machine or in another container.
Presence presence_of(const Owner& other, const Owner& self);

}  // namespace pare::search
