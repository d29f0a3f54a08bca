// SPDX-License-Identifier: Apache-2.0
#include "framework/model/weight_scheme.hpp"

#include "kernels/quantize/packed_words.hpp"

namespace pare::framework {

std::int64_t scales_of_row(const WeightScheme& scheme, std::int64_t inputs) {
  return scheme.scale == WeightScheme::Scale::group ? (inputs + scheme.group_size - 1) / scheme.group_size : 1;
}

std::vector<SchemeTensor> tensors_of(const WeightScheme& scheme, std::int64_t outputs, std::int64_t inputs) {
  const std::vector<StoredType> floating{StoredType::f16, StoredType::bf16, StoredType::f32};
  const std::int64_t scales = scales_of_row(scheme, inputs);
  if (scheme.packed) {
    std::vector<SchemeTensor> tensors{
        {"weight_packed", {StoredType::i32}, {outputs, kernels::packed_words(scheme.bits, inputs)}},
        {"weight_scale", floating, {outputs, scales}},
        {"weight_shape", {StoredType::i64}, {2}}};
    if (!scheme.symmetric)
      tensors.push_back(
          {"weight_zero_point", {StoredType::i32}, {kernels::packed_words(scheme.bits, outputs), scales}});
    return tensors;
  }
  const bool one = scheme.scale == WeightScheme::Scale::tensor;
  std::vector<SchemeTensor> tensors{
      {"weight", {StoredType::i8}, {outputs, inputs}},
      {"weight_scale", floating, one ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{outputs, 1}}};
  if (scheme.input == WeightScheme::Input::tensor)
    tensors.push_back({"input_scale", {StoredType::f32, StoredType::f16, StoredType::bf16}, {1}});
  return tensors;
}

}  // namespace pare::framework
