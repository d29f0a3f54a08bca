// SPDX-License-Identifier: Apache-2.0
#include "framework/log/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::mutex& log_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::shared_ptr<spdlog::logger>& current_log() {
  static std::shared_ptr<spdlog::logger> log;
  return log;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void open_log(const std::filesystem::path& file) {
  try {
    auto log = std::make_shared<spdlog::logger>(
        "pare", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string(), false));
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    log->flush_on(spdlog::level::info);
    log->set_error_handler([](const std::string&) {});
    const std::lock_guard lock(log_mutex());
    current_log() = std::move(log);
  } catch (const spdlog::spdlog_ex& error) {
    throw InputError(file.string() + ": no log can be written there (" + error.what() + ")");
  }
}

void log_line(LogLevel level, std::string_view text) {
  std::shared_ptr<spdlog::logger> log;
  {
    const std::lock_guard lock(log_mutex());
    log = current_log();
  }
  if (!log) return;
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  log->log(level_of(level), spdlog::string_view_t(line));
}

}  // namespace pare::framework
