// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/progress.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "framework/log/log.hpp"

namespace pare::search {
namespace {

double seconds_since(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

std::string duration(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

std::string quantity(double value, const std::string& unit) {
  if (value >= 1e9) return fmt::format("{:.2f} G{}", value / 1e9, unit);
  if (value >= 1e6) return fmt::format("{:.2f} M{}", value / 1e6, unit);
  if (value >= 1e4) return fmt::format("{:.0f} k{}", value / 1e3, unit);
  return fmt::format("{:.0f}{}{}", value, unit.empty() ? "" : " ", unit);
}

/// A line that is longer would wrap, and the next one could not take its place.
std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(Verbosity verbosity) : verbosity_(verbosity), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (active_ && terminal_ && verbosity_ != Verbosity::quiet) std::fputc('\n', stderr);
}

void Progress::begin(const std::string& stage, double total, const std::string& unit, double most_seconds) {
  end();
  stage_ = stage;
  unit_ = unit;
  note_.clear();
  done_ = 0;
  total_ = total;
  most_seconds_ = most_seconds;
  outside_seconds_ = 0;
  started_ = shown_ = Clock::now();
  active_ = true;
  if (terminal_) show(false);
  tell_when_due();
}

void Progress::advance(double done) {
  done_ += done;
  const double interval = terminal_ ? 0.2 : seconds_since(started_) < 600 ? 10.0 : 60.0;
  if (active_ && seconds_since(shown_) >= interval) show(false);
  if (active_) tell_when_due();
}

void Progress::outside(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  outside_seconds_ += seconds_since(start);
}

void Progress::end() {
  if (!active_) return;
  show(true);
  active_ = false;
  const auto known = std::ranges::find(times_, stage_, &StageTime::name);
  StageTime& time = known == times_.end() ? times_.emplace_back(StageTime{stage_}) : *known;
  time.seconds += seconds_since(started_) - outside_seconds_;
  framework::log_line(framework::LogLevel::info, line());
  tell_when_due();
}

std::vector<StageTime> Progress::times(const std::string& outside) const {
  std::vector<StageTime> times = times_;
  double rest = seconds_since(born_);
  for (const StageTime& time : times) rest -= time.seconds;
  times.push_back({outside, std::max(0.0, rest)});
  return times;
}

void Progress::tell_when_due() {
  if (stage_ != told_stage_ || seconds_since(told_) >= 2.0) tell();
}

void Progress::tell() {
  told_ = Clock::now();
  told_stage_ = stage_;
  if (!listener_) return;
  RunProgress progress;
  progress.running_seconds = seconds_since(born_);
  progress.stage = stage_;
  progress.done = done_;
  progress.total = std::max(done_, total_);
  progress.stage_seconds = seconds_since(started_);
  progress.unit = unit_;
  progress.note = note_;
  listener_(std::move(progress));
}

void Progress::say(const std::string& text) {
  const bool warning = text.starts_with("warning: ");
  framework::log_line(warning ? framework::LogLevel::warning : framework::LogLevel::info, text);
  if (warning || verbosity_ != Verbosity::quiet) print(text);
}

void Progress::detail(const std::string& text) {
  if (!is_verbose()) return;
  framework::log_line(framework::LogLevel::info, text);
  print(text);
}

void Progress::print(const std::string& text) {
  if (active_ && terminal_) std::fputs("\r\033[K", stderr);
  fmt::print(stderr, "{}\n", text);
}

std::string Progress::line() const {
  const double seconds = seconds_since(started_);
  std::string text =
      fmt::format("{:<14} {} of {}", stage_, quantity(done_, ""), quantity(std::max(done_, total_), unit_));
  if (seconds > 0.5 && done_ > 0) {
    if (done_ >= seconds) text += fmt::format(", {}/s", quantity(done_ / seconds, unit_));
    text += fmt::format(", {}", duration(seconds));
    double left = (total_ - done_) * seconds / done_;
    if (most_seconds_ > 0) left = std::min(left, most_seconds_ - seconds);
    if (left > 0) text += fmt::format(", {} left", duration(left));
  }
  return note_.empty() ? text : text + ", " + note_;
}

void Progress::show(bool last) {
  shown_ = Clock::now();
  if (verbosity_ == Verbosity::quiet) return;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}{}", last ? line() : line().substr(0, terminal_columns() - 1), last ? "\n" : "");
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}\n", line());
  }
}

}  // namespace pare::search
