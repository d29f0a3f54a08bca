// SPDX-License-Identifier: Apache-2.0
// Bf16Gemm at the shapes of Llama 3 8B: our kernel (on Hopper), cuBLASLt with one algorithm for every M, and cuBLASLt's
// fastest algorithm for the shape, by turns on random data.
#include <algorithm>
#include <cstdio>

#include "kernels/bench/cublaslt_rival.hpp"
#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/gemm/gemm_bf16.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

struct Layer {
  std::int64_t outputs;
  std::int64_t inputs;
};
/// Query, key and value; attention's output; gate and up; down.
constexpr Layer layers[] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
constexpr std::int64_t row_counts[] = {1, 16, 128, 512, 2048, 8192};

class Bench {
 public:
  explicit Bench(const Stream& stream)
      : stream_(stream), peaks_(measure_gpu_peaks(stream)), l2_bytes_(describe_device(stream.device()).l2_bytes) {
    std::printf("%s\n%6s %6s %6s | %9s %8s %6s %6s | %9s %6s | %9s %6s\n", describe(peaks_).c_str(), "M", "N", "K",
                "ours us", "TFLOP/s", "peak", "floor", "pinned us", "ratio", "free us", "ratio");
  }

  void run(const Layer& layer, std::int64_t m) {
    const auto& [n, k] = layer;
    const std::int64_t bytes = 2 * (m * k + n * k + m * n);
    const int sets = set_count(bytes, l2_bytes_);
    const DeviceMatrix<BFloat16> x = random_matrix(sets, m * k), weight = random_matrix(sets, n * k);
    DeviceMatrix<BFloat16> out(sets, m * n);
    const auto times_of = [&](const Bf16Gemm& gemm) {
      return [&, m, n = n, k = k](int set) {
        gemm.multiply({x.data() + set * m * k, m, k}, {weight.data() + set * n * k, n, k}, {},
                      {out.data() + set * m * n, m, n}, false, stream_);
      };
    };
    const auto times = time_by_turns(
        stream_, sets,
        {times_of(ours_), times_of(pinned_), rival_.bf16(m, n, k, x.data(), weight.data(), out.data(), sets)});

    const double ours = times[0].median, pinned = times[1].median, rival = times[2].median;
    const double operations = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    const double floor = std::max(static_cast<double>(bytes) / peaks_.copy_bytes, operations / peaks_.bf16_flops);
    std::printf("%6ld %6ld %6ld | %9.1f %8.0f %5.1f%% %5.1f%% | %9.1f %5.2fx | %9.1f %5.2fx\n", static_cast<long>(m),
                static_cast<long>(n), static_cast<long>(k), 1e6 * ours, 1e-12 * operations / ours,
                100.0 * operations / ours / peaks_.bf16_flops, 100.0 * floor / ours, 1e6 * pinned, pinned / ours,
                1e6 * rival, rival / ours);
    std::fflush(stdout);
  }

 private:
  DeviceMatrix<BFloat16> random_matrix(std::int64_t rows, std::int64_t cols) const {
    DeviceMatrix<BFloat16> matrix(rows, cols);
    bench::detail::launch_random_fill(matrix.data(), matrix.size() * 2, bench::detail::bfloat16_mask, stream_);
    return matrix;
  }

  const Stream& stream_;
  GpuPeaks peaks_;
  std::int64_t l2_bytes_;
  Bf16Gemm ours_{stream_};
  Bf16Gemm pinned_{stream_, Bf16Route::cublaslt};
  CublasLtRival rival_{stream_};
};

}  // namespace
}  // namespace pare::bench

int main() {
  const pare::kernels::Stream stream(0);
  pare::bench::Bench bench(stream);
  for (const auto& layer : pare::bench::layers) {
    for (const std::int64_t m : pare::bench::row_counts) bench.run(layer, m);
  }
  return 0;
}
