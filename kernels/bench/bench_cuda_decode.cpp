// SPDX-License-Identifier: Apache-2.0
// Linear layers of a decoding step: time, bytes a second and their share of the copy peak, beside cuBLASLt's bfloat16.
#include <cstdio>

#include "kernels/bench/cublaslt_rival.hpp"
#include "kernels/bench/gpu_peak.hpp"
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/gemm/decode_gemm.hpp"
#include "kernels/gemm/gemm_bf16.hpp"
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/sparse_gemm_int8.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

struct Layer {
  std::int64_t outputs;
  std::int64_t inputs;
};
/// Llama-3-8B: query, key and value; attention's output; gate and up; down.
constexpr Layer layers[] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
constexpr std::int64_t rows[] = {1, 4, 16};
constexpr std::int64_t group_size = 128;

/// Random bytes from which every case cuts its sets of weights, large enough for two of the largest in bfloat16.
constexpr std::int64_t weight_bytes = std::int64_t{640} << 20;
constexpr std::int64_t small_bytes = std::int64_t{64} << 20;
/// Positive binary16 and binary32 values below 2.
constexpr std::uint32_t float16_mask = 0x3BFF3BFFu;
constexpr std::uint32_t float_mask = 0x3FFFFFFFu;

class Bench {
 public:
  explicit Bench(const Stream& stream)
      : stream_(stream), peaks_(measure_gpu_peaks(stream)), l2_bytes_(describe_device(stream.device()).l2_bytes) {
    fill(bits_, 0xFFFFFFFFu);
    fill(bfloat16_, bench::detail::bfloat16_mask);
    fill(float16_, float16_mask);
    fill(float_, float_mask);
    std::printf("%s\n%-12s %6s %6s %3s %10s %8s %6s\n", describe(peaks_).c_str(), "weights", "N", "K", "M", "us",
                "GB/s", "share");
  }

  void run(const Layer& layer, std::int64_t m) {
    time_packed("W4A16 g128", {4, group_size, false}, layer, m);
    time_packed("W8A16 g128", {8, group_size, false}, layer, m);
    time_int8("W8A8", gemm_int8, layer, m);
    time_int8("W8A8 mma", kernels::detail::launch_gemm_int8_mma<BFloat16>, layer, m);
    time_sparse(layer, m);
    time_bf16(layer, m);
  }

 private:
  using Int8Product = void (*)(const Int8Operands&, const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>, const Stream&);

  void fill(DeviceMatrix<std::byte>& matrix, std::uint32_t mask) {
    bench::detail::launch_random_fill(matrix.data(), matrix.size(), mask, stream_);
  }

  template <class T>
  static const T* at(const DeviceMatrix<std::byte>& matrix, std::int64_t offset) {
    return reinterpret_cast<const T*>(matrix.data() + offset);
  }

  DeviceView<const BFloat16> x(const Layer& layer, std::int64_t m) const {
    return {at<BFloat16>(bfloat16_, 0), m, layer.inputs};
  }

  DeviceView<BFloat16> out(const Layer& layer, std::int64_t m) {
    return {reinterpret_cast<BFloat16*>(out_.data()), m, layer.outputs};
  }

  /// `bytes` are those of the weights with their scales; x and the output are added here.
  void print(const char* name, const Layer& layer, std::int64_t m, std::int64_t bytes, std::int64_t x_bytes,
             const GpuTime& time) const {
    const double moved = static_cast<double>(bytes + m * (layer.inputs * x_bytes + layer.outputs * 2));
    const double rate = moved / time.median;
    std::printf("%-12s %6d %6d %3d %10.2f %8.0f %5.0f%%\n", name, static_cast<int>(layer.outputs),
                static_cast<int>(layer.inputs), static_cast<int>(m), time.median * 1e6, rate * 1e-9,
                100.0 * rate / peaks_.copy_bytes);
  }

  void time_packed(const char* name, const Grid& grid, const Layer& layer, std::int64_t m) {
    DevicePackedView weight;
    weight.grid = grid;
    weight.rows = layer.outputs;
    weight.cols = layer.inputs;
    weight.groups = layer.inputs / group_size;
    weight.codes_row_bytes = layer.inputs * grid.bits / 8;
    const std::int64_t code_bytes = weight.rows * weight.codes_row_bytes;
    const std::int64_t grids = weight.rows * weight.groups;
    const std::int64_t codes_distance = (code_bytes + 255) / 256 * 256;
    const GpuTime time = time_on_gpu(stream_, set_count(code_bytes, l2_bytes_), [&](int set) {
      DevicePackedView one = weight;
      one.codes = at<std::uint8_t>(bits_, set * codes_distance);
      // Sets beyond what there is of scales take the first ones again.
      const std::int64_t sets = small_bytes / (grids * 2);
      one.scales = at<Float16>(float16_, set % sets * grids * 2);
      one.zeros = at<std::uint8_t>(bits_, weight_bytes - (set % sets + 1) * grids);
      decode_gemm(x(layer, m), one, out(layer, m), stream_);
    });
    print(name, layer, m, code_bytes + grids * 3, 2, time);
  }

  void time_int8(const char* name, Int8Product product, const Layer& layer, std::int64_t m) {
    const std::int64_t bytes = layer.outputs * layer.inputs;
    const DeviceSpan<const float> scales{at<float>(float_, 0), layer.outputs};
    const GpuTime time = time_on_gpu(stream_, set_count(bytes, l2_bytes_), [&](int set) {
      const Int8Operands operands{{at<std::int8_t>(bits_, weight_bytes - m * layer.inputs), m, layer.inputs},
                                  {at<std::int8_t>(bits_, set * bytes), layer.outputs, layer.inputs}};
      product(operands, {{scales.data, m}, scales, {}, {}}, out(layer, m), stream_);
    });
    print(name, layer, m, bytes + layer.outputs * 4, 1, time);
  }

  /// Random places: some name one place twice, which takes as long.
  void time_sparse(const Layer& layer, std::int64_t m) {
    const std::int64_t values = layer.outputs * layer.inputs / 2;
    const std::int64_t bytes = values + values / 4;
    const GpuTime time = time_on_gpu(stream_, set_count(bytes, l2_bytes_), [&](int set) {
      const DeviceSparseInt8View weight{layer.outputs,
                                        layer.inputs,
                                        layer.inputs / 2,
                                        layer.inputs / 8,
                                        at<std::int8_t>(bits_, set * bytes),
                                        at<std::uint8_t>(bits_, set * bytes + values),
                                        at<float>(float_, 0)};
      decode_gemm_sparse_int8({at<std::int8_t>(bits_, weight_bytes - m * layer.inputs), m, layer.inputs}, weight,
                              {{weight.scales, m}, {}, {}, {}}, out(layer, m), stream_);
    });
    print("W8A8 2:4", layer, m, bytes + layer.outputs * 4, 1, time);
  }

  void time_bf16(const Layer& layer, std::int64_t m) {
    const std::int64_t bytes = layer.outputs * layer.inputs * 2;
    const int sets = set_count(bytes, l2_bytes_);
    const BFloat16* const weights = at<BFloat16>(bfloat16_, 0);
    auto* const outs = reinterpret_cast<BFloat16*>(out_.data());
    print("bf16 cublas", layer, m, bytes, 2,
          time_on_gpu(stream_, sets, rival_.bf16(m, layer.outputs, layer.inputs, weights, weights, outs, sets)));
    const GpuTime pinned = time_on_gpu(stream_, sets, [&](int set) {
      const DeviceView<const BFloat16> weight{at<BFloat16>(bfloat16_, set * bytes), layer.outputs, layer.inputs};
      gemm_.multiply(x(layer, m), weight, {}, out(layer, m), false, stream_);
    });
    print("bf16 ours", layer, m, bytes, 2, pinned);
  }

  const Stream& stream_;
  GpuPeaks peaks_;
  CublasLtRival rival_{stream_};
  Bf16Gemm gemm_{stream_};
  std::int64_t l2_bytes_;
  DeviceMatrix<std::byte> bits_{1, weight_bytes};
  DeviceMatrix<std::byte> bfloat16_{1, weight_bytes};
  DeviceMatrix<std::byte> float16_{1, small_bytes};
  DeviceMatrix<std::byte> float_{1, small_bytes};
  DeviceMatrix<std::byte> out_{1, small_bytes};
};

}  // namespace
}  // namespace pare::bench

int main() {
  const pare::kernels::Stream stream(0);
  pare::bench::Bench bench(stream);
  for (const auto& layer : pare::bench::layers) {
    for (const std::int64_t m : pare::bench::rows) bench.run(layer, m);
  }
  return 0;
}
