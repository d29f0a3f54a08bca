// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/core/stream.hpp"

/// Times of work on a GPU, measured by events around replays of a graph, so that neither launches nor the first run count.

namespace pare::kernels {

/// Seconds of one call.
struct GpuTime {
  double median = 0.0;
  double lowest = 0.0;
  double highest = 0.0;
};

/// The time of run(i), which only enqueues on `stream` and works on the i-th of `sets` sets of buffers, i in [0, sets):
/// with set_count() of them no call finds its data in the cache. `run` is called outside a graph once for each set (what
/// it allocates or loads on first use does not count), then captured. Takes about 30 ms of the GPU, or 7 replays if they
/// take longer, after `warm_seconds` of the same work. Throws DeviceError.
///
/// A card at its power limit runs a kernel faster after a pause or lighter work than after heavier work. Kernels that are
/// compared are each measured in their own steady state (warm_seconds = steady_state_seconds) or by turns.
inline constexpr double steady_state_seconds = 0.1;
GpuTime time_on_gpu(const Stream& stream, int sets, const std::function<void(int)>& run, double warm_seconds = 0.0);

/// The same for several works, one replay of each at a time.
std::vector<GpuTime> time_by_turns(const Stream& stream, int sets, const std::vector<std::function<void(int)>>& runs);

/// Sets of buffers of `bytes` each that together exceed the second-level cache three times; at least 2, at most 64.
inline int set_count(std::int64_t bytes, std::int64_t l2_bytes) {
  return static_cast<int>(std::clamp<std::int64_t>(3 * l2_bytes / std::max<std::int64_t>(1, bytes) + 1, 2, 64));
}

}  // namespace pare::kernels
