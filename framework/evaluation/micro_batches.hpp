// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/core/error.hpp"

namespace pare::framework {

/// Windows that pass through a model together on a GPU. Where its memory does not suffice after all, fewer do from then on:
/// others may use the GPU, too, and the libraries take what no plan knows.
class MicroBatches {
 public:
  /// most_windows >= 1.
  explicit MicroBatches(std::int64_t most_windows) : most_windows_(most_windows) {}

  std::int64_t most_windows() const { return most_windows_; }

  /// Calls run(first, windows) for pieces of [0, count), in order. On DeviceMemoryError calls release(), which gives back
  /// what can be had again, and repeats the piece; when that fails too, with half of the windows. Throws the error of a
  /// single window; whatever else run throws passes through.
  template <class Run, class Release>
  void for_each(std::int64_t count, const Run& run, const Release& release) {
    bool released = false;
    for (std::int64_t first = 0; first < count;) {
      const std::int64_t windows = std::min(most_windows_, count - first);
      try {
        run(first, windows);
        first += windows;
        released = false;
      } catch (const DeviceMemoryError&) {
        if (released && windows == 1) throw;
        if (released) most_windows_ = windows / 2;
        release();
        released = true;
      }
    }
  }

 private:
  std::int64_t most_windows_;
};

}  // namespace pare::framework
