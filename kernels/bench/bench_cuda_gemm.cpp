// SPDX-License-Identifier: Apache-2.0
// gemm_int8 at the shapes of Llama 3 8B, bfloat16 out, beside cuBLASLt's int8 (which leaves int32 sums without scales) and
// bfloat16 products, on random data.
//   bench_cuda_gemm           the table
//   bench_cuda_gemm tune      every way of cutting the work, for those who change the kernels
//   bench_cuda_gemm grouped   weights scaled in groups of 128 inputs
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "kernels/bench/cublaslt_rival.hpp"
#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/int8_buffers.hpp"
#include "kernels/core/device.hpp"
#include "kernels/gemm/gemm_int8_launch.hpp"

namespace {

using namespace pare;
using namespace pare::kernels;
using namespace pare::bench;

constexpr double nominal_int8 = 1979e12;  // of an H100 or H200 SXM, by its data sheet

constexpr std::int64_t token_counts[] = {16, 64, 128, 512, 2048, 8192, 32768};

/// Seconds below which no version can go: bytes read and written once, or operations.
double floor_seconds(std::int64_t m, Shape shape, const GpuPeaks& peaks) {
  const double bytes = static_cast<double>(m * shape.k + shape.n * shape.k + 2 * m * shape.n);
  const double ops = 2.0 * static_cast<double>(m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  return std::max(bytes / peaks.copy_bytes, ops / peaks.int8_ops);
}

void print_table(const kernels::Stream& stream, const GpuPeaks& peaks, std::int64_t l2_bytes) {
  CublasLtRival rival(stream);
  std::printf("%6s %6s %6s | %9s %7s %6s %6s %6s | %9s %6s | %9s %6s\n", "M", "N", "K", "ours us", "TOPS", "peak",
              "1979", "floor", "cublasLt8", "ratio", "cublasLt16", "ratio");
  for (const Shape shape : llama_8b_shapes) {
    for (const std::int64_t m : token_counts) {
      Int8Buffers buffers(m, shape, l2_bytes, stream);
      const auto time = [&](const std::function<void(int)>& run) {
        return time_on_gpu(stream, buffers.sets(), run, steady_state_seconds);
      };
      const GpuTime ours = time(
          [&](int set) { kernels::gemm_int8(buffers.operands(set), buffers.epilogue(), buffers.out(set), stream); });
      const GpuTime int8 =
          time(rival.int8(m, shape.n, shape.k, buffers.x(), buffers.weight(), buffers.sums(), buffers.sets()));
      buffers.fill(bench::detail::bfloat16_mask, stream);
      const GpuTime bf16 = time(rival.bf16(m, shape.n, shape.k, reinterpret_cast<const BFloat16*>(buffers.x()),
                                           reinterpret_cast<const BFloat16*>(buffers.weight()),
                                           reinterpret_cast<BFloat16*>(buffers.sums()), buffers.sets()));
      const double tops = tera_ops(m, shape, ours.median);
      std::printf("%6ld %6ld %6ld | %9.1f %7.0f %5.1f%% %5.1f%% %5.1f%% | %9.1f %5.2fx | %9.1f %5.2fx\n",
                  static_cast<long>(m), static_cast<long>(shape.n), static_cast<long>(shape.k), 1e6 * ours.median, tops,
                  100e12 * tops / peaks.int8_ops, 100e12 * tops / nominal_int8,
                  100.0 * floor_seconds(m, shape, peaks) / ours.median, 1e6 * int8.median, int8.median / ours.median,
                  1e6 * bf16.median, bf16.median / ours.median);
      std::fflush(stdout);
    }
  }
}

void tune(const kernels::Stream& stream, std::int64_t l2_bytes) {
  for (const Shape shape : llama_8b_shapes) {
    for (const std::int64_t m : {16, 32, 64, 128, 256}) {
      Int8Buffers buffers(m, shape, l2_bytes, stream);
      std::printf("%6ld %6ld %6ld us, splits:", static_cast<long>(m), static_cast<long>(shape.n),
                  static_cast<long>(shape.k));
      for (const int splits : {1, 2, 4}) {
        const GpuTime time = time_on_gpu(stream, buffers.sets(), [&](int set) {
          kernels::detail::launch_gemm_int8_hopper_narrow(buffers.operands(set), buffers.epilogue(), buffers.out(set),
                                                          {splits}, stream);
        });
        std::printf("  %d: %.1f", splits, 1e6 * time.median);
      }
      const GpuTime mma = time_on_gpu(stream, buffers.sets(), [&](int set) {
        kernels::detail::launch_gemm_int8_mma(buffers.operands(set), buffers.epilogue(), buffers.out(set), stream);
      });
      std::printf("  mma: %.1f\n", 1e6 * mma.median);
    }
    for (const std::int64_t m : {512, 2048, 8192, 32768}) {
      Int8Buffers buffers(m, shape, l2_bytes, stream);
      std::printf("%6ld %6ld %6ld TOPS, columns/group/lead:", static_cast<long>(m), static_cast<long>(shape.n),
                  static_cast<long>(shape.k));
      std::vector<kernels::detail::HopperTuning> tunings;
      for (const int columns : {256, 192, 128}) tunings.push_back({columns, 8, 1});
      for (const int group : {4, 16}) tunings.push_back({256, group, 1});
      for (const int lead : {-1, 2, 3}) tunings.push_back({256, 8, lead});
      std::vector<std::function<void(int)>> runs;
      for (const auto& tuning : tunings) {
        runs.push_back([&buffers, &stream, tuning](int set) {
          kernels::detail::launch_gemm_int8_hopper(buffers.operands(set), buffers.epilogue(), buffers.out(set), tuning,
                                                   stream);
        });
      }
      const auto times = time_by_turns(stream, buffers.sets(), runs);
      for (std::size_t i = 0; i < tunings.size(); ++i) {
        std::printf("  %d/%d/%d: %.0f", tunings[i].columns, tunings[i].raster_group, tunings[i].lead,
                    tera_ops(m, shape, times[i].median));
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

void print_grouped(const kernels::Stream& stream, const GpuPeaks& peaks, std::int64_t l2_bytes) {
  std::printf("%6s %6s %6s | %9s %7s %6s %6s | %s\n", "M", "N", "K", "g128 us", "TOPS", "peak", "1979",
              "one scale an output, us, ratio");
  for (const Shape shape : llama_8b_shapes) {
    for (const std::int64_t m : {512, 2048, 8192}) {
      Int8Buffers buffers(m, shape, l2_bytes, stream);
      const kernels::Int8Epilogue<BFloat16> epilogue = buffers.epilogue();
      kernels::Int8Epilogue<BFloat16> grouped_epilogue = epilogue;
      grouped_epilogue.weight_scales = {};
      const auto times = time_by_turns(
          stream, buffers.sets(),
          {[&](int set) { kernels::gemm_int8(buffers.operands(set), epilogue, buffers.out(set), stream); },
           [&](int set) {
             kernels::gemm_int8_grouped(buffers.operands(set), buffers.group_scales(), grouped_epilogue,
                                        buffers.out(set), stream);
           }});
      const GpuTime& plain = times[0];
      const GpuTime& grouped = times[1];
      const double tops = tera_ops(m, shape, grouped.median);
      std::printf("%6ld %6ld %6ld | %9.1f %7.0f %5.1f%% %5.1f%% | %9.1f %.2f\n", static_cast<long>(m),
                  static_cast<long>(shape.n), static_cast<long>(shape.k), 1e6 * grouped.median, tops,
                  100e12 * tops / peaks.int8_ops, 100e12 * tops / nominal_int8, 1e6 * plain.median,
                  plain.median / grouped.median);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "table";
  const kernels::Stream stream(0);
  const std::int64_t l2_bytes = kernels::describe_device(0).l2_bytes;
  const GpuPeaks peaks = measure_gpu_peaks(stream);
  std::printf("%s\n", describe(peaks).c_str());
  if (mode == "table") {
    print_table(stream, peaks, l2_bytes);
  } else if (mode == "tune") {
    tune(stream, l2_bytes);
  } else if (mode == "grouped") {
    print_grouped(stream, peaks, l2_bytes);
  } else {
    std::fprintf(stderr, "bench_cuda_gemm: unknown mode %s (known: table, tune, grouped)\n", mode.c_str());
    return 2;
  }
  return 0;
}
