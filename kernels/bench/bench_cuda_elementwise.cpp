// SPDX-License-Identifier: Apache-2.0
// What lies between the GEMMs, at 8192 tokens, against the copy of memory to memory: bytes read and written a second.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"

namespace {

using namespace pare::kernels;
using pare::bench::GpuPeaks;

constexpr std::int64_t tokens = 8192;

template <class T>
DeviceMatrix<T> random_on_device(std::int64_t rows, std::int64_t cols, const Stream& stream) {
  DeviceMatrix<T> matrix(rows, cols);
  pare::bench::detail::launch_random_fill(matrix.data(), matrix.size() * static_cast<std::int64_t>(sizeof(T)),
                                          pare::bench::detail::bfloat16_mask, stream);
  return matrix;
}

/// One set of buffers.
struct Buffers {
  Buffers(std::int64_t cols, const Stream& stream)
      : x(random_on_device<BFloat16>(tokens, cols, stream)),
        y(random_on_device<BFloat16>(tokens, cols, stream)),
        out(tokens, cols),
        codes(tokens, cols),
        scales(1, tokens) {}

  DeviceMatrix<BFloat16> x;
  DeviceMatrix<BFloat16> y;
  DeviceMatrix<BFloat16> out;
  DeviceMatrix<std::int8_t> codes;
  DeviceMatrix<float> scales;
};

class Table {
 public:
  Table(std::int64_t cols, const Stream& stream, const GpuPeaks& peaks) : cols_(cols), stream_(stream), peaks_(peaks) {
    const std::int64_t fewest = tokens * cols * 3;  // bytes of the smallest case
    const int sets = set_count(fewest, describe_device(stream.device()).l2_bytes);
    for (int i = 0; i < sets; ++i) sets_.emplace_back(cols, stream);
  }

  void row(const char* name, double bytes_a_value, const std::function<void(Buffers&)>& run) {
    const auto time =
        time_on_gpu(stream_, static_cast<int>(sets_.size()), [&](int i) { run(sets_[static_cast<std::size_t>(i)]); });
    const double bytes = bytes_a_value * static_cast<double>(tokens * cols_);
    std::printf("%-20s %6ld x %-6ld %8.1f %8.0f %7.0f %%\n", name, static_cast<long>(tokens), static_cast<long>(cols_),
                1e6 * time.median, 1e-9 * bytes / time.median, 100.0 * bytes / time.median / peaks_.copy_bytes);
  }

 private:
  std::int64_t cols_;
  const Stream& stream_;
  const GpuPeaks& peaks_;
  std::vector<Buffers> sets_;
};

void bench_width(std::int64_t cols, const Stream& stream, const GpuPeaks& peaks) {
  Table table(cols, stream, peaks);
  const DeviceMatrix<float> weight = random_on_device<float>(1, cols, stream);
  table.row("quantize", 3, [&](Buffers& set) {
    quantize_tokens_int8(std::as_const(set.x).view(), {}, set.codes.view(), set.scales.span(), stream);
  });
  table.row("rms_norm", 4,
            [&](Buffers& set) { rms_norm(std::as_const(set.x).view(), weight.span(), 1e-5f, set.out.view(), stream); });
  table.row("rms_norm + quantize", 3, [&](Buffers& set) {
    rms_norm_int8(std::as_const(set.x).view(), weight.span(), 1e-5f, {}, set.codes.view(), set.scales.span(), stream);
  });
  table.row("swiglu", 6, [&](Buffers& set) {
    swiglu(std::as_const(set.x).view(), std::as_const(set.y).view(), set.out.view(), stream);
  });
  table.row("swiglu + quantize", 5, [&](Buffers& set) {
    swiglu_int8(std::as_const(set.x).view(), std::as_const(set.y).view(), {}, set.codes.view(), set.scales.span(),
                stream);
  });
}

/// Heads of 128 in place, norms of those heads, and the rows of tokens of a table as large as the tokens.
void bench_heads(std::int64_t heads, const Stream& stream, const GpuPeaks& peaks) {
  constexpr std::int64_t half = 64;
  Table table(heads * 2 * half, stream, peaks);
  std::vector<double> frequencies(half);
  for (std::size_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] = std::pow(500000.0, -static_cast<double>(i) / half);
  const DeviceRopeTable rope(RopeTable(frequencies, tokens), stream);
  std::vector<std::int32_t> positions(tokens);
  std::iota(positions.begin(), positions.end(), 0);
  const DeviceMatrix<std::int32_t> positions_there = on_device(std::span<const std::int32_t>(positions), stream);
  std::vector<std::uint32_t> ids(tokens);
  for (std::size_t t = 0; t < ids.size(); ++t) ids[t] = static_cast<std::uint32_t>(t * 2654435761u % tokens);
  const DeviceMatrix<std::uint32_t> ids_there = on_device(std::span<const std::uint32_t>(ids), stream);
  const DeviceMatrix<float> weight = random_on_device<float>(1, 2 * half, stream);
  table.row("rope", 4, [&](Buffers& set) { apply_rope(rope, positions_there.span(), heads, set.x.view(), stream); });
  table.row("rms_norm of heads", 4, [&](Buffers& set) {
    rms_norm(DeviceView<const BFloat16>(set.x.data(), tokens * heads, 2 * half), weight.span(), 1e-6f,
             DeviceView<BFloat16>(set.out.data(), tokens * heads, 2 * half), stream);
  });
  table.row("embed", 4,
            [&](Buffers& set) { embed(std::as_const(set.x).view(), ids_there.span(), set.out.view(), stream); });
}

}  // namespace

int main() {
  const Stream stream(0);
  const GpuPeaks peaks = pare::bench::measure_gpu_peaks(stream);
  std::printf("%s\n%-20s %15s %8s %8s %9s\n", pare::bench::describe(peaks).c_str(), "kernel", "tokens", "us", "GB/s",
              "of copy");
  bench_width(4096, stream, peaks);
  bench_width(14336, stream, peaks);
  bench_heads(32, stream, peaks);
  return 0;
}
