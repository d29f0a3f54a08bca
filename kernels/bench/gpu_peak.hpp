// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/core/stream.hpp"

namespace pare::bench {

/// What the card can do, measured in the same run as the kernels, on random data (zeros are up to 13 % faster).
struct GpuPeaks {
  std::string card;
  double copy_bytes = 0.0;  ///< a second, read plus written, from memory to memory
  double int8_ops = 0.0;    ///< a second, matrix units fed from shared memory, nothing else done
  double bf16_flops = 0.0;
};

/// Takes about a quarter of a second and 2 GiB. Throws DeviceError.
GpuPeaks measure_gpu_peaks(const kernels::Stream& stream);

/// "NVIDIA H100 80GB HBM3, 132 multiprocessors: copy 3010 GB/s, int8 1400 TOPS, bf16 720 TFLOP/s".
std::string describe(const GpuPeaks& peaks);

}  // namespace pare::bench
