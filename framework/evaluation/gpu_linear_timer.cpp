// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstring>
#include <functional>
#include <vector>

#include "framework/evaluation/latency_table.hpp"
#include "framework/evaluation/linear_timer.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/core/philox.hpp"
#include "kernels/gemm/decode_gemm.hpp"
#include "kernels/gemm/gemm_bf16.hpp"
#include "kernels/gemm/gemm_int8.hpp"
#include "kernels/quantize/device_blocks.hpp"
#include "kernels/quantize/device_packed.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/expand_blocks.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::framework {
namespace {

using kernels::BFloat16;
using kernels::DeviceMatrix;
using kernels::DeviceView;
using kernels::Stream;

/// Rows of all matrices begin at multiples of 16 bytes.
constexpr std::int64_t row_unit = 16;

std::int64_t padded(std::int64_t cols) {
  return (cols + row_unit - 1) / row_unit * row_unit;
}

/// Any bytes are codes; scales that come out as infinite take no other time.
std::vector<std::byte> random_bytes(std::int64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint32_t)) {
    const std::uint32_t word = kernels::philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, {7, 0})[0];
    std::memcpy(bytes.data() + i, &word, std::min(sizeof(word), bytes.size() - i));
  }
  return bytes;
}

/// Values in [1/2, 2) of either sign.
DeviceMatrix<BFloat16> random_matrix(std::int64_t rows, std::int64_t cols, const Stream& stream) {
  kernels::Matrix<BFloat16> host(rows, padded(cols));
  for (std::int64_t r = 0; r < host.rows(); ++r)
    for (std::int64_t c = 0; c < host.cols(); ++c) {
      const auto word =
          kernels::philox4x32({static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(r), 0, 0}, {9, 0});
      host.row(r)[c].bits = static_cast<std::uint16_t>((word[0] & 0x80FFu) | 0x3F00u);
    }
  return kernels::on_device<const BFloat16>(std::as_const(host).view(), stream);
}

/// The first `cols` columns.
template <class T>
DeviceView<T> narrow(DeviceView<T> view, std::int64_t cols) {
  view.cols = cols;
  return view;
}

class GpuLinearTimer : public LinearTimer {
 public:
  explicit GpuLinearTimer(int device) : stream_(device), info_(kernels::describe_device(device)) {}

  std::string device() const override { return info_.name; }

  std::string arithmetic(const Option& option) const override {
    return kernel_name(option);  // how weights lie in memory matters here
  }

  Time time(const LayerShape& shape, const Option& option, Phase, std::int64_t tokens) override {
    Pass pass(shape, tokens, stream_);
    if (option.activation_bits == 8) return time_int8(pass, option);
    const bool packed = option.weights == Option::Weights::grid && !option.sparsity && !option.grid.tensor;
    if (packed && reads_packed(option.grid, pass)) return time_packed_decode(pass, option.grid);
    if (packed) return time_expanded_grid(pass, option.grid);
    if (option.weights == Option::Weights::blocks && !option.sparsity) return time_expanded_blocks(pass, option.block);
    return time_bf16(pass);
  }

 private:
  /// What all passes of one layer need.
  struct Pass {
    Pass(const LayerShape& of, std::int64_t count, const Stream& stream)
        : shape(of), tokens(count), input(random_matrix(count, of.inputs, stream)), output(count, padded(of.outputs)) {}

    DeviceView<const BFloat16> x() const { return narrow(input.view(), shape.inputs); }
    DeviceView<BFloat16> out() { return narrow(output.view(), shape.outputs); }

    LayerShape shape;
    std::int64_t tokens;
    DeviceMatrix<BFloat16> input;
    DeviceMatrix<BFloat16> output;
  };

  static bool reads_packed(const kernels::Grid& grid, const Pass& pass) {
    return pass.tokens <= kernels::most_decode_rows && (grid.bits == 4 || grid.bits == 8) && grid.group_size % 8 == 0 &&
           pass.shape.inputs % 8 == 0;
  }

  int copies_of(std::int64_t bytes) const { return kernels::set_count(bytes, info_.l2_bytes); }

  Time measure(int copies, const std::function<void(int)>& run) {
    const kernels::GpuTime time = kernels::time_on_gpu(stream_, copies, run, kernels::steady_state_seconds);
    return {time.median, time.lowest, time.highest};
  }

  std::vector<kernels::DevicePacked> pack(const LayerShape& shape, const kernels::Grid& grid) {
    const auto layout = kernels::packed_layout(grid, shape.outputs, shape.inputs);
    const std::vector<std::byte> bytes = random_bytes(layout.total_bytes);
    std::vector<kernels::DevicePacked> copies;
    const kernels::PackedView view{grid, shape.outputs, shape.inputs, bytes};
    while (std::ssize(copies) < copies_of(layout.total_bytes)) copies.emplace_back(view, stream_);
    return copies;
  }

  /// Codes are quantized from the activations of every pass; weights of fewer than 8 bits are expanded in every pass.
  Time time_int8(Pass& pass, const Option& option) {
    const LayerShape& shape = pass.shape;
    DeviceMatrix<std::int8_t> x_codes(pass.tokens, padded(shape.inputs));
    DeviceMatrix<float> x_scales(1, pass.tokens);
    DeviceMatrix<float> scales(1, shape.outputs);
    const kernels::DeviceInt8Input input{{}, option.static_range ? 0.05f : 0.0f};
    kernels::Grid grid = option.grid;
    grid.tensor = false;  // the same work
    const auto packed = pack(shape, grid);
    std::vector<DeviceMatrix<std::int8_t>> codes;
    for (std::size_t i = 0; i < packed.size(); ++i) {
      codes.emplace_back(shape.outputs, padded(shape.inputs));
      kernels::expand_int8(packed[i].view(), narrow(codes[i].view(), shape.inputs), scales.span(), stream_);
    }
    return measure(static_cast<int>(packed.size()), [&](int copy) {
      const auto c = static_cast<std::size_t>(copy);
      const auto x = narrow(x_codes.view(), shape.inputs);
      const auto weight = narrow(codes[c].view(), shape.inputs);
      kernels::quantize_tokens_int8(pass.x(), input, x, x_scales.span(), stream_);
      if (grid.bits < 8) kernels::expand_int8(packed[c].view(), weight, scales.span(), stream_);
      kernels::gemm_int8({x, weight}, {x_scales.span(), scales.span(), {}, {}}, pass.out(), stream_);
    });
  }

  Time time_packed_decode(Pass& pass, const kernels::Grid& grid) {
    const auto copies = pack(pass.shape, grid);
    return measure(static_cast<int>(copies.size()), [&](int copy) {
      kernels::decode_gemm(pass.x(), copies[static_cast<std::size_t>(copy)].view(), pass.out(), stream_);
    });
  }

  Time time_expanded_grid(Pass& pass, const kernels::Grid& grid) {
    const auto copies = pack(pass.shape, grid);
    return measure_expanded(pass, static_cast<int>(copies.size()), [&](int copy, DeviceView<BFloat16> weight) {
      kernels::expand(copies[static_cast<std::size_t>(copy)].view(), weight, stream_);
    });
  }

  Time time_expanded_blocks(Pass& pass, kernels::BlockFormat format) {
    const std::int64_t bytes = kernels::blocks_bytes(format, pass.shape.outputs, pass.shape.inputs);
    const std::vector<std::byte> random = random_bytes(bytes);
    std::vector<kernels::DeviceBlocks> copies;
    while (std::ssize(copies) < copies_of(bytes))
      copies.emplace_back(format, pass.shape.outputs, pass.shape.inputs, random, stream_);
    return measure_expanded(pass, static_cast<int>(copies.size()), [&](int copy, DeviceView<BFloat16> weight) {
      kernels::expand_blocks(copies[static_cast<std::size_t>(copy)].view(), weight, stream_);
    });
  }

  Time measure_expanded(Pass& pass, int copies, const std::function<void(int, DeviceView<BFloat16>)>& expand) {
    DeviceMatrix<BFloat16> expanded(pass.shape.outputs, padded(pass.shape.inputs));
    const DeviceView<BFloat16> weight = narrow(expanded.view(), pass.shape.inputs);
    return measure(copies, [&](int copy) {
      expand(copy, weight);
      gemm_.multiply(pass.x(), weight, {}, pass.out(), false, stream_);
    });
  }

  /// Also layers that are sparse, which have no kernel of their own here.
  Time time_bf16(Pass& pass) {
    const std::int64_t cols = padded(pass.shape.inputs);
    std::vector<DeviceMatrix<BFloat16>> copies;
    while (std::ssize(copies) < copies_of(2 * pass.shape.outputs * cols))
      copies.push_back(random_matrix(pass.shape.outputs, pass.shape.inputs, stream_));
    return measure(static_cast<int>(copies.size()), [&](int copy) {
      const auto weight = narrow(copies[static_cast<std::size_t>(copy)].view(), pass.shape.inputs);
      gemm_.multiply(pass.x(), weight, {}, pass.out(), false, stream_);
    });
  }

  Stream stream_;
  kernels::DeviceInfo info_;
  kernels::Bf16Gemm gemm_{stream_};
};

}  // namespace

std::unique_ptr<LinearTimer> gpu_linear_timer(int device) {
  return std::make_unique<GpuLinearTimer>(device);
}

}  // namespace pare::framework
