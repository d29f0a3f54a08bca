// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

#include <benchmark/benchmark.h>

#include "kernels/bench/peak.hpp"

/// Counters of a benchmark next to the peaks measured at its start.

namespace pare::bench {

/// The probes, run once, before the first benchmark.
struct Peaks {
  double fma = fma_peak();
  double copy_cached = copy_peak(std::int64_t{256} << 10);
  double copy_memory = copy_peak(std::int64_t{256} << 20);
  double gemm_f32 = gemm_peak(kernels::Precision::f32);
  double gemm_bf16 = gemm_peak(kernels::Precision::bf16);
  double gemm_int8 = gemm_peak(kernels::Precision::int8);

  double gemm(kernels::Precision precision) const {
    switch (precision) {
      case kernels::Precision::bf16:
        return gemm_bf16;
      case kernels::Precision::int8:
        return gemm_int8;
      default:
        return gemm_f32;
    }
  }
};

inline const Peaks& peaks() {
  static const Peaks measured;
  return measured;
}

/// GFLOP/s of one iteration of `flop` operations, and the share of `peak`.
inline void report_flop(benchmark::State& state, double flop, double peak) {
  const double total = flop * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(total * 1e-9, benchmark::Counter::kIsRate);
  state.counters["share"] = benchmark::Counter(total / peak, benchmark::Counter::kIsRate);
}

/// GB/s of one iteration that reads and writes `bytes`, and the share of `peak`.
inline void report_bytes(benchmark::State& state, double bytes, double peak) {
  const double total = bytes * static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(total * 1e-9, benchmark::Counter::kIsRate);
  state.counters["share"] = benchmark::Counter(total / peak, benchmark::Counter::kIsRate);
}

/// Prints the peaks, then runs the benchmarks that were registered.
inline int run_benchmarks(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const Peaks& p = peaks();
  std::printf(
      "%d thread(s). One core: %.1f GFLOP/s in registers, copies %.1f GB/s in 256 KiB, %.1f GB/s in 256 "
      "MiB.\n",
      omp_get_max_threads(), p.fma * 1e-9, p.copy_cached * 1e-9, p.copy_memory * 1e-9);
  std::printf("oneDNN on 1024^3: f32 %.1f, bf16 %.1f, int8 %.1f GFLOP/s. share = of these.\n", p.gemm_f32 * 1e-9,
              p.gemm_bf16 * 1e-9, p.gemm_int8 * 1e-9);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace pare::bench
