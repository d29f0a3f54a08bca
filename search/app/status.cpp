// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "search/app/verbs.hpp"
#include "search/report/run_overview.hpp"

namespace pare::search {
namespace {

bool is_over(const std::string& state) {
  return state != "STARTING" && state != "READY" && state != "RUNNING";
}

}  // namespace

int status(const Arguments& arguments) {
  const bool redraws = arguments.watch_seconds > 0 && !arguments.json && isatty(STDOUT_FILENO) != 0;
  while (true) {
    const RunOverview overview = read_overview(arguments.file);
    if (redraws) fmt::print("\033[H\033[2J");
    fmt::print("{}", arguments.json ? overview_json(overview) : overview_text(overview));
    std::fflush(stdout);
    if (arguments.watch_seconds <= 0 || is_over(overview.state)) return 0;
    if (!redraws && !arguments.json) fmt::print("\n");
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.watch_seconds));
  }
}

}  // namespace pare::search
