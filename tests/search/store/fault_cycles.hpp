// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace pare::test {

/// How often a fault test repeats itself: a few times in ctest, PARE_FAULT_CYCLES times as many in a soak.
inline int fault_cycles(int in_ctest) {
  const char* factor = std::getenv("PARE_FAULT_CYCLES");
  return factor == nullptr ? in_ctest : in_ctest * std::atoi(factor);
}

}  // namespace pare::test
