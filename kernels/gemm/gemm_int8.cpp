// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_int8.hpp"

#include "kernels/gemm/gemm_int8_launch.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t most_inputs = 65536;
constexpr int hopper = 90;
constexpr int lowest_capability = 80;

/// Kernels count rows and columns in int.
constexpr std::int64_t most_rows = std::int64_t{1} << 30;

template <class T>
void require_16_bytes(const DeviceView<T>& view, const char* name) {
  constexpr std::int64_t unit = 16 / static_cast<std::int64_t>(sizeof(T));
  VALIDATE(reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0,
           "the int8 product reads and writes 16 bytes at once, ", name, " begins at ",
           static_cast<const void*>(view.data), ", it must begin at a multiple of 16 bytes");
  VALIDATE(view.rows <= 1 || view.stride % unit == 0,
           "the int8 product reads and writes 16 bytes at once, the rows of ", name, " are ", view.stride,
           " elements apart, that must be a multiple of ", unit);
}

/// What holds for both kinds of weight scales.
template <class Out>
void check(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, const DeviceView<Out>& out,
           const Stream& stream) {
  const auto& [x, weight] = operands;
  VALIDATE(x.cols == weight.cols, "activations have ", x.cols, " inputs, weights have ", weight.cols,
           ", they must have the same number");
  VALIDATE(x.cols > 0 && x.cols <= most_inputs, "an int8 product over ", x.cols,
           " inputs is not possible (sums must stay in 32 bits), use 1 to ", most_inputs);
  VALIDATE(out.rows == x.rows && out.cols == weight.rows, "the output of ", x.rows, " tokens and ", weight.rows,
           " outputs is ", out.rows, " x ", out.cols);
  VALIDATE(x.rows <= most_rows && weight.rows <= most_rows, "an int8 product of ", x.rows, " x ", weight.rows,
           " outputs is too large, use at most ", most_rows, " of each");
  VALIDATE(epilogue.x_scales.size == x.rows, "there are ", epilogue.x_scales.size, " scales for ", x.rows, " tokens");
  VALIDATE(epilogue.bias.empty() || epilogue.bias.size == weight.rows, "the bias has ", epilogue.bias.size,
           " values for ", weight.rows, " outputs");
  VALIDATE(epilogue.residual.rows == 0 || (epilogue.residual.rows == out.rows && epilogue.residual.cols == out.cols),
           "the residual is ", epilogue.residual.rows, " x ", epilogue.residual.cols, ", the output ", out.rows, " x ",
           out.cols);
  require_16_bytes(x, "x");
  require_16_bytes(weight, "weight");
  require_16_bytes(out, "out");
  VALIDATE(stream.compute_capability() >= lowest_capability, "GPU ", stream.device(), " has compute capability ",
           stream.compute_capability() / 10, ".", stream.compute_capability() % 10, ", the int8 product needs 8.0");
}

/// Hopper's kernel for few tokens waits for clusters where its outputs leave multiprocessors without a block; the other one
/// has narrower tiles and then is faster (measured on an H100 with 16 and 32 tokens).
bool mma_is_faster(std::int64_t tokens, std::int64_t outputs, const Stream& stream) {
  constexpr std::int64_t most_tokens = 32, narrow_outputs = 128;
  return tokens <= most_tokens && (outputs + narrow_outputs - 1) / narrow_outputs < stream.multiprocessors();
}

template <class Out>
void run(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream) {
  check(operands, epilogue, out, stream);
  VALIDATE(epilogue.weight_scales.size == out.cols, "there are ", epilogue.weight_scales.size, " scales for ", out.cols,
           " outputs");
  if (out.size() == 0) return;
  if (stream.compute_capability() != hopper || mma_is_faster(out.rows, out.cols, stream)) {
    detail::launch_gemm_int8_mma(operands, epilogue, out, stream);
  } else if (out.rows <= detail::most_narrow_tokens) {
    detail::launch_gemm_int8_hopper_narrow(operands, epilogue, out, {}, stream);
  } else {
    detail::launch_gemm_int8_hopper(operands, epilogue, out, {}, stream);
  }
}

template <class Out>
void run_grouped(const Int8Operands& operands, DeviceView<const float> group_scales, const Int8Epilogue<Out>& epilogue,
                 DeviceView<Out> out, const Stream& stream) {
  check(operands, epilogue, out, stream);
  VALIDATE(operands.x.cols % int8_group == 0, "weights scaled in groups of ", int8_group, " need a multiple of ",
           int8_group, " inputs, there are ", operands.x.cols);
  VALIDATE(group_scales.rows == out.cols && group_scales.cols == operands.x.cols / int8_group, "the group scales are ",
           group_scales.rows, " x ", group_scales.cols, ", they must be ", out.cols, " x ",
           operands.x.cols / int8_group);
  VALIDATE(epilogue.weight_scales.empty(), "weights are scaled by group or by output, not by both: there are ",
           epilogue.weight_scales.size, " scales for outputs");
  if (out.size() == 0) return;
  if (stream.compute_capability() == hopper) {
    detail::launch_gemm_int8_grouped_hopper(operands, group_scales, epilogue, out, {}, stream);
  } else {
    detail::launch_gemm_int8_grouped_mma(operands, group_scales, epilogue, out, stream);
  }
}

}  // namespace

void gemm_int8(const Int8Operands& operands, const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out,
               const Stream& stream) {
  run(operands, epilogue, out, stream);
}

void gemm_int8(const Int8Operands& operands, const Int8Epilogue<float>& epilogue, DeviceView<float> out,
               const Stream& stream) {
  run(operands, epilogue, out, stream);
}

void gemm_int8_grouped(const Int8Operands& operands, DeviceView<const float> group_scales,
                       const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out, const Stream& stream) {
  run_grouped(operands, group_scales, epilogue, out, stream);
}

void gemm_int8_grouped(const Int8Operands& operands, DeviceView<const float> group_scales,
                       const Int8Epilogue<float>& epilogue, DeviceView<float> out, const Stream& stream) {
  run_grouped(operands, group_scales, epilogue, out, stream);
}

}  // namespace pare::kernels
