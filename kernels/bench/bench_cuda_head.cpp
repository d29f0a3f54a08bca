// SPDX-License-Identifier: Apache-2.0
// The output layer fused with its losses, and the teacher's side of it, beside what the products take at the card's
// measured peak.
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/transformer/head_gpu.hpp"

namespace {

using namespace pare::kernels;
using namespace pare::bench;

DeviceMatrix<BFloat16> random_on_device(std::int64_t rows, std::int64_t cols, const Stream& stream) {
  DeviceMatrix<BFloat16> matrix(rows, cols);
  pare::bench::detail::launch_random_fill(matrix.data(), matrix.size() * 2, pare::bench::detail::bfloat16_mask, stream);
  return matrix;
}

void print_row(const char* name, std::int64_t tokens, double seconds, double flops, double bytes,
               const GpuPeaks& peaks) {
  const double floor_seconds = std::max(flops / peaks.bf16_flops, bytes / peaks.copy_bytes);
  std::printf("%-28s %8lld %10.1f %10.1f %9.1f %9.1f\n", name, static_cast<long long>(tokens), seconds * 1e6,
              flops / seconds * 1e-12, 100 * flops / seconds / peaks.bf16_flops, 100 * floor_seconds / seconds);
}

/// `k` ids of a row, spread over the vocabulary more densely at its beginning, as frequent words are.
DeviceMatrix<std::uint32_t> teacher_ids(std::int64_t tokens, std::int64_t vocabulary, std::int64_t k,
                                        const Stream& stream) {
  Matrix<std::uint32_t> ids(tokens, k);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t i = 0; i < k; ++i) {
      const double place = static_cast<double>(i) / static_cast<double>(k);
      ids.view().row(t)[i] = static_cast<std::uint32_t>(static_cast<double>(i + t % 7) +
                                                        place * place * static_cast<double>(vocabulary - k - 8));
    }
  }
  return on_device(std::as_const(ids).view(), stream);
}

void bench_score(std::int64_t tokens, std::int64_t width, std::int64_t vocabulary, std::int64_t k, const Stream& stream,
                 const GpuPeaks& peaks) {
  const DeviceMatrix<BFloat16> hidden = random_on_device(tokens, width, stream);
  const DeviceMatrix<BFloat16> weight = random_on_device(vocabulary, width, stream);
  const DeviceMatrix<std::uint32_t> ids = teacher_ids(tokens, vocabulary, k, stream);
  Matrix<float> logs(tokens, k);
  std::fill_n(logs.data(), logs.size(), -7.0f);
  const DeviceMatrix<float> teacher_log = on_device(std::as_const(logs).view(), stream);
  DeviceMatrix<std::uint32_t> targets(1, tokens);
  pare::bench::detail::launch_random_fill(targets.data(), tokens * 4, 0x3fffu, stream);
  DeviceMatrix<float> divergence(1, tokens);
  DeviceMatrix<float> likelihood(1, tokens);
  DeviceMatrix<float> workspace(1, score_head_workspace_floats(tokens, vocabulary, k));
  // The weights alone exceed the second-level cache many times.
  const GpuTime time = time_on_gpu(stream, 1, [&](int) {
    score_head(hidden.view(), weight.view(), ids.view(), teacher_log.view(), std::as_const(targets).span(),
               divergence.span(), likelihood.span(), workspace.span(), stream);
  });
  const double flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(width) * static_cast<double>(vocabulary);
  const double bytes = 2.0 * static_cast<double>(width) * static_cast<double>(tokens + vocabulary) +
                       8.0 * static_cast<double>(tokens * k);
  char name[64];
  std::snprintf(name, sizeof name, "score %lld x %lld, k %lld", static_cast<long long>(vocabulary),
                static_cast<long long>(width), static_cast<long long>(k));
  print_row(name, tokens, time.median, flops, bytes, peaks);
}

void bench_top(std::int64_t tokens, std::int64_t width, std::int64_t vocabulary, std::int64_t k, const Stream& stream,
               const GpuPeaks& peaks) {
  const DeviceMatrix<BFloat16> hidden = random_on_device(tokens, width, stream);
  const DeviceMatrix<BFloat16> weight = random_on_device(vocabulary, width, stream);
  DeviceMatrix<std::uint32_t> ids(tokens, k);
  DeviceMatrix<float> teacher_log(tokens, k);
  DeviceMatrix<float> workspace(1, head_top_workspace_floats(std::min<std::int64_t>(tokens, 1024), vocabulary));
  const GpuTime time = time_on_gpu(stream, 1, [&](int) {
    head_top_log_probabilities(hidden.view(), weight.view(), ids.view(), teacher_log.view(), workspace.span(), stream);
  });
  const double flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(width) * static_cast<double>(vocabulary);
  const double bytes = 2.0 * static_cast<double>(width) * static_cast<double>(tokens + vocabulary) +
                       8.0 * static_cast<double>(tokens * k);
  char name[64];
  std::snprintf(name, sizeof name, "top %lld x %lld, k %lld", static_cast<long long>(vocabulary),
                static_cast<long long>(width), static_cast<long long>(k));
  print_row(name, tokens, time.median, flops, bytes, peaks);
}

}  // namespace

int main() {
  const Stream stream(0);
  const GpuPeaks peaks = measure_gpu_peaks(stream);
  std::printf("%s\n", describe(peaks).c_str());
  std::printf("%-28s %8s %10s %10s %9s %9s\n", "output layer", "tokens", "us", "TFLOP/s", "% of bf16", "% of floor");
  for (const std::int64_t tokens : {128, 2048, 8192}) bench_score(tokens, 4096, 128256, 512, stream, peaks);
  bench_score(8192, 2048, 32000, 512, stream, peaks);
  bench_top(2048, 4096, 128256, 512, stream, peaks);
  return 0;
}
