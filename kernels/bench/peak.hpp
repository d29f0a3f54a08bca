// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <omp.h>
#include <time.h>

#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

/// What the machine can do, measured in the same run as the kernels: a share of a data sheet would say
/// nothing about a shared virtual machine. Each probe takes the best of several attempts.

namespace pare::bench {

/// With one thread, the CPU time of the calling thread, so that other work on the machine counts as little as
/// it can; with more, the time on the wall.
inline double seconds() {
  timespec now{};
  clock_gettime(omp_get_max_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline kernels::Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed,
                                            float deviation = 1.0f) {
  kernels::Matrix<float> matrix(rows, cols);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::generate_n(matrix.data(), matrix.size(), [&] { return normal(generator); });
  return matrix;
}

/// Seconds of the fastest of `attempts` runs.
template <class Run>
double fastest(int attempts, const Run& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < attempts; ++i) {
    const double start = seconds();
    run();
    best = std::min(best, seconds() - start);
  }
  return best;
}

/// One whole register: an asm operand cannot be spread over several.
#if defined(__AVX512F__)
using Register = float __attribute__((vector_size(64)));
#elif defined(__AVX__)
using Register = float __attribute__((vector_size(32)));
#else
using Register = float __attribute__((vector_size(16)));
#endif

/// FLOP/s of one core on multiply-adds that never leave the registers.
inline double fma_peak() {
  constexpr int chains = 12;  // with the factor they fit into the 16 registers of AVX2
  constexpr int rounds = 200000;
  constexpr int lanes = sizeof(Register) / sizeof(float);
  Register factor = Register{} + 0.999f;
  asm volatile("" : "+v"(factor));  // a value the compiler must not know
  const double time = fastest(10, [factor] {
    Register sums[chains];
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) {
      sums[i] = factor;
      asm volatile("" : "+v"(sums[i]));  // else the chains are one chain
    }
    for (int r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
      for (int i = 0; i < chains; ++i) sums[i] = sums[i] * factor + factor;
    }
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) asm volatile("" : : "v"(sums[i]));
  });
  return 2.0 * chains * lanes * rounds / time;
}

/// Bytes/s, read plus written, of a copy of `bytes` by one thread.
inline double copy_peak(std::int64_t bytes) {
  kernels::Matrix<std::byte> from(1, bytes);
  kernels::Matrix<std::byte> to(1, bytes);
  std::fill_n(from.data(), bytes, std::byte{1});
  std::fill_n(to.data(), bytes, std::byte{2});
  const std::int64_t repeats = std::max<std::int64_t>(1, (std::int64_t{64} << 20) / bytes);
  const double time = fastest(10, [&] {
    for (std::int64_t i = 0; i < repeats; ++i) {
      std::memcpy(to.data(), from.data(), static_cast<std::size_t>(bytes));
      asm volatile("" : : "r"(to.data()) : "memory");
    }
  });
  return 2.0 * static_cast<double>(bytes * repeats) / time;
}

/// FLOP/s of oneDNN on 1024 x 1024 x 1024, with as many threads as the kernels use.
inline double gemm_peak(kernels::Precision precision) {
  constexpr std::int64_t side = 1024;
  const kernels::Matrix<float> x = random_matrix(side, side, 1);
  kernels::Matrix<float> out(side, side);
  kernels::LinearWeights weights;
  if (precision == kernels::Precision::int8) {
    kernels::Matrix<std::int8_t> codes(side, side);
    for (std::int64_t i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int8_t>(i * 37 % 255 - 127);
    weights = kernels::LinearWeights::from_int8(codes.view(), std::vector<float>(side, 0.01f));
  } else {
    weights = kernels::LinearWeights::from_float(x.view(), precision);
  }
  const double time = fastest(20, [&] { weights.apply(x.view(), {}, out.view(), false); });
  return 2.0 * side * side * side / time;
}

}  // namespace pare::bench
