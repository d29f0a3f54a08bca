// SPDX-License-Identifier: Apache-2.0
// Attention on a GPU: causal_attention over 16384 tokens and decode_attention, beside what their products and their
// bytes take at the card's measured peaks.
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/transformer/attention.hpp"

namespace {

using namespace pare::kernels;
using namespace pare::bench;

DeviceMatrix<BFloat16> random_on_device(std::int64_t rows, std::int64_t cols, const Stream& stream) {
  DeviceMatrix<BFloat16> matrix(rows, cols);
  pare::bench::detail::launch_random_fill(matrix.data(), matrix.size() * 2, pare::bench::detail::bfloat16_mask, stream);
  return matrix;
}

void print_row(const char* name, double seconds, double flops, double bytes, const GpuPeaks& peaks) {
  const double floor_seconds = std::max(flops / peaks.bf16_flops, bytes / peaks.copy_bytes);
  std::printf("%-44s %10.1f %10.1f %10.0f %9.1f %9.1f\n", name, seconds * 1e6, flops / seconds * 1e-12,
              bytes / seconds * 1e-9, 100 * flops / seconds / peaks.bf16_flops, 100 * floor_seconds / seconds);
}

void bench_causal(const AttentionShape& shape, std::int64_t window_length, const Stream& stream,
                  const GpuPeaks& peaks) {
  constexpr std::int64_t tokens = 16384;
  const std::int64_t q_cols = shape.heads * shape.head_dim;
  const std::int64_t kv_cols = shape.kv_heads * shape.head_dim;
  const int sets = 2;
  std::vector<DeviceMatrix<BFloat16>> fused;
  std::vector<DeviceMatrix<BFloat16>> out;
  for (int i = 0; i < sets; ++i) {
    fused.push_back(random_on_device(tokens, q_cols + 2 * kv_cols, stream));
    out.emplace_back(tokens, q_cols);
  }
  const GpuTime time = time_on_gpu(stream, sets, [&](int i) {
    const DeviceView<BFloat16> all = fused[static_cast<std::size_t>(i)].view();
    causal_attention(all.cols_from(0, q_cols), all.cols_from(q_cols, kv_cols), all.cols_from(q_cols + kv_cols, kv_cols),
                     shape, window_length, out[static_cast<std::size_t>(i)].view(), stream);
  });
  const double flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(window_length) *
                       static_cast<double>(shape.heads * shape.head_dim);
  const double bytes = 2.0 * static_cast<double>(tokens) * static_cast<double>(2 * q_cols + 2 * kv_cols);
  char name[64];
  std::snprintf(name, sizeof name, "causal %lld/%lld heads of %lld, windows of %lld",
                static_cast<long long>(shape.heads), static_cast<long long>(shape.kv_heads),
                static_cast<long long>(shape.head_dim), static_cast<long long>(window_length));
  print_row(name, time.median, flops, bytes, peaks);
}

void bench_decode(std::int64_t sequences, std::int64_t length, const Stream& stream, const GpuPeaks& peaks,
                  std::int64_t l2_bytes) {
  const AttentionShape shape{32, 8, 128};
  const std::int64_t position = shape.kv_heads * shape.head_dim;
  const std::int64_t cache_bytes = 2 * 2 * sequences * length * position;
  const int sets = set_count(cache_bytes, l2_bytes);
  const DeviceMatrix<BFloat16> q = random_on_device(sequences, shape.heads * shape.head_dim, stream);
  std::vector<DeviceMatrix<BFloat16>> keys;
  std::vector<DeviceMatrix<BFloat16>> values;
  for (int i = 0; i < sets; ++i) {
    keys.push_back(random_on_device(sequences, length * position, stream));
    values.push_back(random_on_device(sequences, length * position, stream));
  }
  DeviceMatrix<BFloat16> out(sequences, shape.heads * shape.head_dim);
  DeviceMatrix<float> workspace(1, decode_workspace_floats(sequences, shape, length));
  const GpuTime time = time_on_gpu(stream, sets, [&](int i) {
    decode_attention(q.view(), std::as_const(keys[static_cast<std::size_t>(i)]).view(),
                     std::as_const(values[static_cast<std::size_t>(i)]).view(), shape, length, out.view(),
                     workspace.span(), stream);
  });
  char name[64];
  std::snprintf(name, sizeof name, "decode 32/8 heads of 128, %lld x %lld positions", static_cast<long long>(sequences),
                static_cast<long long>(length));
  print_row(name, time.median,
            4.0 * static_cast<double>(sequences * length) * static_cast<double>(shape.heads * shape.head_dim),
            static_cast<double>(cache_bytes), peaks);
}

}  // namespace

int main() {
  const Stream stream(0);
  const GpuPeaks peaks = measure_gpu_peaks(stream);
  std::printf("%s\n", describe(peaks).c_str());
  std::printf("%-44s %10s %10s %10s %9s %9s\n", "attention", "us", "TFLOP/s", "GB/s", "% of bf16", "% of floor");
  for (const std::int64_t window_length : {512, 2048, 4096}) bench_causal({32, 8, 128}, window_length, stream, peaks);
  for (const std::int64_t window_length : {512, 2048, 4096}) bench_causal({32, 8, 64}, window_length, stream, peaks);
  bench_causal({8, 4, 8}, 256, stream, peaks);
  const std::int64_t l2_bytes = describe_device(0).l2_bytes;
  for (const std::int64_t sequences : {1, 16}) bench_decode(sequences, 4096, stream, peaks, l2_bytes);
  return 0;
}
