// SPDX-License-Identifier: Apache-2.0
// Expansion of packed weights and of GGUF blocks against the copy of memory to memory: bytes read and written a second.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/expand_blocks.hpp"

namespace {

using namespace pare::kernels;
using pare::bench::GpuPeaks;

struct Shape {
  std::int64_t rows;
  std::int64_t cols;
};

constexpr Shape shapes[] = {{4096, 4096}, {28672, 4096}, {4096, 14336}};
constexpr std::uint32_t all_bits = ~std::uint32_t{0};

DeviceMatrix<std::uint8_t> random_bytes(std::int64_t bytes, std::uint32_t mask, const Stream& stream) {
  DeviceMatrix<std::uint8_t> matrix(1, (bytes + 15) / 16 * 16);
  pare::bench::detail::launch_random_fill(matrix.data(), matrix.size(), mask, stream);
  return matrix;
}

/// A packed matrix of random codes, made where it is used.
struct Packed {
  Packed(const Grid& grid, const Shape& shape, const Stream& stream)
      : groups(grid.group_size == 0 ? 1 : (shape.cols + grid.group_size - 1) / grid.group_size),
        row_bytes((shape.cols * grid.bits + 127) / 128 * 16),
        scales(random_bytes(2 * shape.rows * groups, pare::bench::detail::bfloat16_mask, stream)),
        zeros(random_bytes(shape.rows * groups, 0x03030303u, stream)),
        codes(random_bytes(shape.rows * row_bytes, all_bits, stream)) {
    view = {grid,
            shape.rows,
            shape.cols,
            groups,
            row_bytes,
            reinterpret_cast<const Float16*>(scales.data()),
            grid.symmetric ? nullptr : zeros.data(),
            codes.data()};
  }

  std::int64_t bytes() const { return view.rows * (row_bytes + groups * (view.zeros == nullptr ? 2 : 3)); }

  std::int64_t groups;
  std::int64_t row_bytes;
  DeviceMatrix<std::uint8_t> scales;
  DeviceMatrix<std::uint8_t> zeros;
  DeviceMatrix<std::uint8_t> codes;
  DevicePackedView view;
};

void print(const char* name, const char* to, const Shape& shape, double seconds, double bytes, const GpuPeaks& peaks) {
  std::printf("%-8s %-5s %6ld x %-6ld %8.1f %8.0f %7.0f %%\n", name, to, static_cast<long>(shape.rows),
              static_cast<long>(shape.cols), 1e6 * seconds, 1e-9 * bytes / seconds,
              100.0 * bytes / seconds / peaks.copy_bytes);
}

int sets_of(std::int64_t bytes, const Stream& stream) {
  return set_count(bytes, describe_device(stream.device()).l2_bytes);
}

template <class Out, class Run>
void bench_packed(const Grid& grid, const char* to, const Shape& shape, const Stream& stream, const GpuPeaks& peaks,
                  const Run& run) {
  std::vector<Packed> packed;
  std::vector<DeviceMatrix<Out>> out;
  packed.emplace_back(grid, shape, stream);
  const std::int64_t bytes = packed[0].bytes() + shape.rows * shape.cols * static_cast<std::int64_t>(sizeof(Out));
  const int sets = sets_of(bytes, stream);
  while (static_cast<int>(packed.size()) < sets) packed.emplace_back(grid, shape, stream);
  for (int i = 0; i < sets; ++i) out.emplace_back(shape.rows, shape.cols);
  const auto time = time_on_gpu(stream, sets, [&](int i) {
    run(packed[static_cast<std::size_t>(i)].view, out[static_cast<std::size_t>(i)].view());
  });
  const std::string name = "W" + std::to_string(grid.bits) + (grid.group_size == 0 ? "" : " g128");
  print(name.c_str(), to, shape, time.median, static_cast<double>(bytes), peaks);
}

void bench_blocks(BlockFormat format, const Shape& shape, const Stream& stream, const GpuPeaks& peaks) {
  const std::int64_t read = blocks_bytes(format, shape.rows, shape.cols);
  const std::int64_t bytes = read + shape.rows * shape.cols * 2;
  const int sets = sets_of(bytes, stream);
  std::vector<DeviceMatrix<std::uint8_t>> blocks;
  std::vector<DeviceMatrix<BFloat16>> out;
  for (int i = 0; i < sets; ++i) {
    blocks.push_back(random_bytes(read, all_bits, stream));
    out.emplace_back(shape.rows, shape.cols);
  }
  const auto time = time_on_gpu(stream, sets, [&](int i) {
    const auto set = static_cast<std::size_t>(i);
    expand_blocks({format, shape.rows, shape.cols, blocks[set].data()}, out[set].view(), stream);
  });
  print(std::string(block_format_name(format)).c_str(), "bf16", shape, time.median, static_cast<double>(bytes), peaks);
}

}  // namespace

int main() {
  const Stream stream(0);
  const GpuPeaks peaks = pare::bench::measure_gpu_peaks(stream);
  std::printf("%s\n%-8s %-5s %15s %8s %8s %9s\n", pare::bench::describe(peaks).c_str(), "from", "to", "shape", "us",
              "GB/s", "of copy");
  for (const Shape& shape : shapes) {
    DeviceMatrix<float> scales(1, shape.rows);
    for (int bits = 2; bits <= 8; ++bits) {
      bench_packed<BFloat16>(
          {bits, 128, false}, "bf16", shape, stream, peaks,
          [&](const DevicePackedView& packed, DeviceView<BFloat16> out) { expand(packed, out, stream); });
      bench_packed<std::int8_t>({bits, 0, true}, "int8", shape, stream, peaks,
                                [&](const DevicePackedView& packed, DeviceView<std::int8_t> out) {
                                  expand_int8(packed, out, scales.span(), stream);
                                });
    }
    for (const BlockFormat format : all_block_formats) bench_blocks(format, shape, stream, peaks);
  }
  return 0;
}
