// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/rank_log.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include "framework/comm/process_info.hpp"
#include "framework/log/log.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/error.hpp"

namespace pare::search {

std::filesystem::path log_directory(const std::filesystem::path& output) {
  return output / "logs";
}

void open_rank_log(const std::filesystem::path& output, const framework::ProcessGroup& group) {
  try {
    framework::open_log(log_directory(output) / fmt::format("rank-{:04}.log", group.rank()));
  } catch (const InputError& error) {
    fmt::print(stderr, "pare: warning: {}\n", error.what());
    return;
  }
  framework::log_line(framework::LogLevel::info,
                      fmt::format("pare {}, rank {} of {}, pid {} on {}", framework::version(), group.rank(),
                                  group.size(), ::getpid(), framework::host_name()));
}

}  // namespace pare::search
