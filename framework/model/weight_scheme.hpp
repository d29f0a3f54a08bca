// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/io/safetensors.hpp"

namespace pare::framework {

/// How a compressed-tensors checkpoint stores the weight of one linear [outputs, inputs], and how its inputs are
/// quantized. A value is scale * (code - zero point); codes and zero points are shifted to be unsigned here, as pare has
/// them everywhere else.
struct WeightScheme {
  enum class Scale { tensor, channel, group };  ///< what shares one
  enum class Input { as_is, token, tensor };    ///< int8: one scale a token, found while serving, or one stored scale

  int bits = 8;
  bool symmetric = true;
  bool packed = false;  ///< "pack-quantized": 32-bit words; else "int-quantized": int8
  Scale scale = Scale::channel;
  int group_size = 0;  ///< Scale::group
  Input input = Input::as_is;

  bool operator==(const WeightScheme&) const = default;
};

/// Scales in a row of the weight.
std::int64_t scales_of_row(const WeightScheme& scheme, std::int64_t inputs);

/// One of the tensors that store a linear, named "<module>.<suffix>":
///   pack-quantized  weight_packed I32 [outputs, words], weight_scale [outputs, scales], weight_shape I64 [2] and, when
///                   asymmetric, weight_zero_point I32 [words of a column, scales] (kernels/quantize/packed_words.hpp)
///   int-quantized   weight I8 [outputs, inputs], weight_scale [outputs, 1] or [1], and, with one scale for all inputs,
///                   input_scale [1]
struct SchemeTensor {
  std::string suffix;
  std::vector<StoredType> types;  ///< that may be read; the first is what is written
  std::vector<std::int64_t> shape;
};

std::vector<SchemeTensor> tensors_of(const WeightScheme& scheme, std::int64_t outputs, std::int64_t inputs);

}  // namespace pare::framework
