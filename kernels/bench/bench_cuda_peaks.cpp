// SPDX-License-Identifier: Apache-2.0
// Prints what the card can do: the line that heads every table of GPU kernels.
#include <cstdio>

#include "kernels/bench/gpu_peak.hpp"

int main() {
  const pare::kernels::Stream stream(0);
  std::printf("%s\n", pare::bench::describe(pare::bench::measure_gpu_peaks(stream)).c_str());
  return 0;
}
