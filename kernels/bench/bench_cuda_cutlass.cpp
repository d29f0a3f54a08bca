// SPDX-License-Identifier: Apache-2.0
// gemm_int8 beside CUTLASS at the shapes of Llama 3 8B; built when CMake is given CUTLASS_ROOT. CUTLASS gets one scale for
// all where gemm_int8 has one for each token and output.
#include <cstdio>

#include "kernels/bench/cutlass_rival.hpp"
#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/int8_buffers.hpp"
#include "kernels/core/device.hpp"

int main() {
  using namespace pare;
  using namespace pare::kernels;
  using namespace pare::bench;
  const kernels::Stream stream(0);
  const std::int64_t l2_bytes = kernels::describe_device(0).l2_bytes;
  std::printf("%s\n", describe(measure_gpu_peaks(stream)).c_str());
  std::printf("%6s %6s %6s | %9s %7s | %9s %6s | %9s %6s\n", "M", "N", "K", "ours us", "TOPS", "pingpong", "ratio",
              "coop 256", "ratio");
  for (const Shape shape : llama_8b_shapes) {
    for (const std::int64_t m : {128, 512, 2048, 8192}) {
      Int8Buffers buffers(m, shape, l2_bytes, stream);
      const auto time = [&](const std::function<void(int)>& run) {
        return time_on_gpu(stream, buffers.sets(), run, steady_state_seconds).median;
      };
      const auto cutlass = [&](CutlassSchedule schedule) {
        return time([&](int set) {
          launch_cutlass_int8(schedule, m, shape.n, shape.k, buffers.operands(set).x.data,
                              buffers.operands(set).weight.data, 1e-4f, buffers.out(set).data, stream);
        });
      };
      const double ours = time(
          [&](int set) { kernels::gemm_int8(buffers.operands(set), buffers.epilogue(), buffers.out(set), stream); });
      const double pingpong = cutlass(CutlassSchedule::pingpong_128);
      const double cooperative = cutlass(CutlassSchedule::cooperative_256);
      std::printf("%6ld %6ld %6ld | %9.1f %7.0f | %9.1f %5.2fx | %9.1f %5.2fx\n", static_cast<long>(m),
                  static_cast<long>(shape.n), static_cast<long>(shape.k), 1e6 * ours, tera_ops(m, shape, ours),
                  1e6 * pingpong, pingpong / ours, 1e6 * cooperative, cooperative / ours);
      std::fflush(stdout);
    }
  }
  return 0;
}
