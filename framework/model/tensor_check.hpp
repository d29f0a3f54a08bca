// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/io/checkpoint.hpp"
#include "framework/model/model_config.hpp"

namespace pare::framework::detail {

/// A tensor that an architecture consists of.
struct ExpectedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<StoredType> types = {StoredType::f32, StoredType::f16, StoredType::bf16};
};

/// Checks that the checkpoint holds these tensors, with these shapes, in one of their types and without NaN or
/// infinity, and no weight that the architecture would leave unused (a bias or norm that config.json does not
/// mention would make every result wrong in silence). Returns the hash of the model: XXH3-128 over
/// config.json and, in the order of names, each tensor's name, type, shape and XXH3-128; equal for the same
/// tensors in one file or in shards.
///
/// Reads every byte once, tensors in parallel. Throws InputError naming file, tensor and the first bad index.
std::string check_and_hash(const Checkpoint& checkpoint, const ModelConfig& config,
                           std::vector<ExpectedTensor> expected);

}  // namespace pare::framework::detail
