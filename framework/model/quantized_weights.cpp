// SPDX-License-Identifier: Apache-2.0
#include "framework/model/quantized_weights.hpp"

#include <array>
#include <cstring>
#include <vector>

#include "framework/io/tensor_read.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/packed_words.hpp"

namespace pare::framework {
namespace {

using Scale = WeightScheme::Scale;

std::vector<float> read_floats(const QuantizedLinear& linear, const std::string& suffix) {
  const TensorView tensor = linear.checkpoint.at(linear.module + "." + suffix);
  std::vector<float> values(tensor.bytes.size() / static_cast<std::size_t>(bytes_of(tensor.info.type)));
  read_tensor(tensor.info.type, tensor.bytes, values);
  return values;
}

/// Row by row; without zero points each is the middle of the codes.
std::vector<std::uint8_t> read_zeros(const QuantizedLinear& linear, std::int64_t scales) {
  const int bits = linear.scheme.bits;
  std::vector<std::uint8_t> zeros(static_cast<std::size_t>(linear.outputs * scales),
                                  static_cast<std::uint8_t>(1 << (bits - 1)));
  if (linear.scheme.symmetric) return zeros;
  const TensorView tensor = linear.checkpoint.at(linear.module + ".weight_zero_point");
  std::vector<std::uint8_t> column(static_cast<std::size_t>(linear.outputs));
  for (std::int64_t s = 0; s < scales; ++s) {
    kernels::unpack_words(bits, tensor.bytes.data() + s * 4, linear.outputs, scales, column.data());
    for (std::int64_t r = 0; r < linear.outputs; ++r)
      zeros[static_cast<std::size_t>(r * scales + s)] = column[static_cast<std::size_t>(r)];
  }
  return zeros;
}

void read_packed(const QuantizedLinear& linear, kernels::Matrix<float>& out) {
  const TensorView tensor = linear.checkpoint.at(linear.module + ".weight_packed");
  const std::int64_t scales = scales_of_row(linear.scheme, linear.inputs);
  const std::int64_t group = linear.scheme.scale == Scale::group ? linear.scheme.group_size : linear.inputs;
  const std::int64_t row_bytes = kernels::packed_words(linear.scheme.bits, linear.inputs) * 4;
  const std::vector<float> scale = read_floats(linear, "weight_scale");
  const std::vector<std::uint8_t> zero = read_zeros(linear, scales);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(linear.inputs));
  for (std::int64_t r = 0; r < linear.outputs; ++r) {
    kernels::unpack_words(linear.scheme.bits, tensor.bytes.data() + r * row_bytes, linear.inputs, 1, codes.data());
    for (std::int64_t c = 0; c < linear.inputs; ++c) {
      const auto g = static_cast<std::size_t>(r * scales + c / group);
      out.row(r)[c] = scale[g] * static_cast<float>(codes[static_cast<std::size_t>(c)] - zero[g]);
    }
  }
}

/// A scale for each row.
std::vector<float> row_scales(const QuantizedLinear& linear) {
  std::vector<float> scales = read_floats(linear, "weight_scale");
  if (linear.scheme.scale == Scale::tensor) scales.assign(static_cast<std::size_t>(linear.outputs), scales.front());
  return scales;
}

}  // namespace

void check_stored_shape(const QuantizedLinear& linear) {
  if (!linear.scheme.packed) return;
  const TensorView tensor = linear.checkpoint.at(linear.module + ".weight_shape");
  std::array<std::int64_t, 2> shape{};
  std::memcpy(shape.data(), tensor.bytes.data(), sizeof(shape));
  VALIDATE(shape[0] == linear.outputs && shape[1] == linear.inputs, tensor.file.string(), ": tensor '", linear.module,
           ".weight_shape' says [", shape[0], ", ", shape[1], "], config.json makes it [", linear.outputs, ", ",
           linear.inputs, "]");
}

void read_quantized(const QuantizedLinear& linear, kernels::Matrix<float>& out) {
  out.reshape(linear.outputs, linear.inputs);
  if (linear.scheme.packed) return read_packed(linear, out);
  const auto* codes =
      reinterpret_cast<const std::int8_t*>(linear.checkpoint.at(linear.module + ".weight").bytes.data());
  const std::vector<float> scales = row_scales(linear);
  for (std::int64_t r = 0; r < linear.outputs; ++r)
    for (std::int64_t c = 0; c < linear.inputs; ++c)
      out.row(r)[c] = scales[static_cast<std::size_t>(r)] * static_cast<float>(codes[r * linear.inputs + c]);
}

kernels::LinearWeights read_int8(const QuantizedLinear& linear) {
  EXPECT(!linear.scheme.packed && linear.scheme.input != WeightScheme::Input::as_is, linear.module);
  const auto* codes =
      reinterpret_cast<const std::int8_t*>(linear.checkpoint.at(linear.module + ".weight").bytes.data());
  const bool is_static = linear.scheme.input == WeightScheme::Input::tensor;
  const float input_scale = is_static ? read_floats(linear, "input_scale").front() : 0.0f;
  VALIDATE(!is_static || input_scale > 0, linear.module, ".input_scale is ", input_scale, ", should be positive");
  return kernels::LinearWeights::from_int8({codes, linear.outputs, linear.inputs}, row_scales(linear),
                                           {.divisors = {}, .static_scale = input_scale});
}

std::int64_t stored_bytes(const QuantizedLinear& linear) {
  std::int64_t bytes = 0;
  for (const SchemeTensor& tensor : tensors_of(linear.scheme, linear.outputs, linear.inputs))
    bytes += static_cast<std::int64_t>(linear.checkpoint.at(linear.module + "." + tensor.suffix).bytes.size());
  return bytes;
}

}  // namespace pare::framework
