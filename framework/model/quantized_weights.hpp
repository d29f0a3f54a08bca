// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "framework/io/checkpoint.hpp"
#include "framework/model/weight_scheme.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// A linear [outputs, inputs] of a compressed-tensors checkpoint, whose tensors have been checked against tensors_of().
struct QuantizedLinear {
  const Checkpoint& checkpoint;
  std::string module;
  WeightScheme scheme;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
};

/// Throws InputError where weight_shape says something else than config.json.
void check_stored_shape(const QuantizedLinear& linear);

/// The values scale * (code - zero point), in binary32, rounded once. `out` is reshaped.
void read_quantized(const QuantizedLinear& linear, kernels::Matrix<float>& out);

/// Ready for the integer GEMM. EXPECTs quantized inputs.
kernels::LinearWeights read_int8(const QuantizedLinear& linear);

/// All tensors of the linear.
std::int64_t stored_bytes(const QuantizedLinear& linear);

}  // namespace pare::framework
