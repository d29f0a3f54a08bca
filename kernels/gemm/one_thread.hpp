// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <omp.h>

namespace pare::kernels::detail {

/// oneDNN plans for, and starts, omp_get_max_threads() threads: one while this lives.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace pare::kernels::detail
