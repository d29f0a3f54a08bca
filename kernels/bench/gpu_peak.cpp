// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/gpu_peak.hpp"

#include <cstdint>
#include <cstdio>

#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"

namespace pare::bench {

GpuPeaks measure_gpu_peaks(const kernels::Stream& stream) {
  constexpr std::int64_t copied = std::int64_t{1} << 30;
  const kernels::DeviceInfo info = kernels::describe_device(stream.device());
  kernels::DeviceMatrix<std::byte> from(1, copied);
  kernels::DeviceMatrix<std::byte> to(1, copied);
  constexpr std::uint32_t all_bits = ~std::uint32_t{0};
  detail::launch_random_fill(from.data(), copied, all_bits, stream);
  auto* sink = reinterpret_cast<float*>(to.data());
  const bool hopper = stream.compute_capability() == 90;

  GpuPeaks peaks;
  peaks.card = info.name + ", " + std::to_string(info.multiprocessors) + " multiprocessors";
  double work = 0.0;
  kernels::GpuTime time =
      kernels::time_on_gpu(stream, 1, [&](int) { work = detail::launch_copy(from.data(), to.data(), copied, stream); });
  peaks.copy_bytes = work / time.median;
  time = kernels::time_on_gpu(stream, 1, [&](int) {
    work = (hopper ? detail::launch_int8_wgmma : detail::launch_int8_mma)(from.data(), sink, stream);
  });
  peaks.int8_ops = work / time.median;
  detail::launch_random_fill(from.data(), copied, detail::bfloat16_mask, stream);
  time = kernels::time_on_gpu(stream, 1, [&](int) {
    work = (hopper ? detail::launch_bf16_wgmma : detail::launch_bf16_mma)(from.data(), sink, stream);
  });
  peaks.bf16_flops = work / time.median;
  return peaks;
}

std::string describe(const GpuPeaks& peaks) {
  char text[160];
  std::snprintf(text, sizeof(text), "copy %.0f GB/s, int8 %.0f TOPS, bf16 %.0f TFLOP/s", 1e-9 * peaks.copy_bytes,
                1e-12 * peaks.int8_ops, 1e-12 * peaks.bf16_flops);
  return peaks.card + ": " + text;
}

}  // namespace pare::bench
