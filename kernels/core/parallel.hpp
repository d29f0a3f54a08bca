// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <vector>

#include <omp.h>

namespace pare::kernels {

/// Sets how many OpenMP threads the kernels called from this host thread may use. Results never depend on it.
inline void set_kernel_threads(int threads) {
  omp_set_num_threads(std::max(1, threads));
}

/// Calls body(begin, end) on contiguous parts of [0, count), one part a thread, each a multiple of `grain`
/// but the last. What the body computes for an index must not depend on the part it lies in. When bodies
/// throw, the exception of the lowest part reaches the caller after all parts have ended. Inside another
/// parallel_for the calling thread does everything itself.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  const std::int64_t grains = (count + grain - 1) / grain;
  const std::int64_t available = omp_in_parallel() ? 1 : omp_get_max_threads();
  const std::int64_t threads = std::min(available, grains);
  if (threads <= 1) {
    if (count > 0) body(std::int64_t{0}, count);
    return;
  }
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(threads));
#pragma omp parallel for schedule(static) num_threads(static_cast <int>(threads))
  for (std::int64_t t = 0; t < threads; ++t) {
    const std::int64_t begin = grains * t / threads * grain;
    const std::int64_t end = std::min(count, grains * (t + 1) / threads * grain);
    try {
      if (begin < end) body(begin, end);
    } catch (...) {
      errors[static_cast<std::size_t>(t)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace pare::kernels
