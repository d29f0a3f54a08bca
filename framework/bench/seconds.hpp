// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace pare::framework {

/// Wall-clock seconds that `body` takes.
template <class Body>
double seconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace pare::framework
