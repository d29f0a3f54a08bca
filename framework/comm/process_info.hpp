// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace pare::framework {

/// The name of this host, at most 255 bytes; "unknown" where the system does not say.
std::string host_name();

/// What proc(5) says of a process of this machine.
struct ProcessInfo {
  char state = ' ';
  pid_t session = 0;
  std::string start;  ///< clock ticks from boot to its start: process numbers are used again

  /// It has ended and nobody has waited for it yet (a zombie), or is being taken away.
  bool ended() const { return state == 'Z' || state == 'X'; }
};

/// Nothing when there is no such process.
std::optional<ProcessInfo> find_process(std::int64_t pid);

}  // namespace pare::framework
