// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <stdexcept>

namespace pare::search {

/// A run cannot go on: too many tasks fail, or nobody is left to work. Exit code 77.
class TooManyFailures : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Remembers how the last tasks ended. Trips when more than a fifth of the last 50 failed: then the fault is not with
/// single candidates or workers, and going on would only burn time.
class FailureBreaker {
 public:
  static constexpr std::size_t window = 50;
  static constexpr std::size_t most_failures = window / 5;

  void add(bool failed) {
    last_.push_back(failed);
    if (last_.size() > window) last_.pop_front();
  }
  bool tripped() const { return static_cast<std::size_t>(std::ranges::count(last_, true)) > most_failures; }

 private:
  std::deque<bool> last_;
};

}  // namespace pare::search
