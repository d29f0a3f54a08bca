// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "framework/compression/option.hpp"
#include "framework/model/model.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/prune/mask.hpp"

namespace pare::framework {

/// How a linear under an option lies in the bank: notes that only the evaluation needs, then the body, whose bytes are
/// what the budget counts.
///
///   divisors  float32 [inputs]   with awq and smooth: x is divided by them. An export folds them into the layer before
///   scale     float32            with static activation scales: one for all tokens
///   kept      int32 [outputs]    where outputs were taken away and the linear has a bias: the rows that stay
///   body      drop: nothing; n:m and percent: SparseLayout; grids: PackedLayout; blocks: as GGUF has them;
///             other weights, where structure or `-dense` sparsity changed them: bfloat16 [outputs, inputs]

/// Outputs and inputs once heads or channels are gone. Drop: as if nothing were done to it.
struct LayerShape {
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
};

/// Head groups (attention; a group is one KV head with its query heads) or channels (mlp) that stay under
/// keep-<percent>%: the nearest count, at least one; channels in steps of 32 where the model has a multiple of 32.
/// Throws InputError when that would be all of them.
std::int64_t kept_units(const Option& option, const Model& model, const Stage& stage);

LayerShape stored_shape(const Option& option, const Model& model, const Stage& stage, std::size_t linear);

/// The kernels' form of Option::sparsity. Wanda compares the weights of a row, the other methods those of the layer.
kernels::SparsityPattern pattern_of(const Sparsity& sparsity);

/// What the budget counts. Throws InputError when the option cannot hold a matrix of this shape.
std::int64_t body_bytes(const Option& option, const LayerShape& shape);

/// What the bank keeps: notes and body.
std::int64_t stored_bytes(const Option& option, const Model& model, const Stage& stage, std::size_t linear);

/// The notes of a stored layer; the bank keeps no alignment, so they are copied out and in.
struct LayerNotes {
  std::vector<float> divisors;
  float static_scale = 0.0f;
  std::vector<std::int32_t> kept_outputs;
};

struct StoredLayer {
  LayerShape shape;
  LayerNotes notes;
  std::span<const std::byte> body;
};

/// EXPECTs notes of the sizes that the option asks for. Returns the body, to be filled.
std::span<std::byte> write_notes(const LayerNotes& notes, std::span<std::byte> stored);
/// Throws InputError when the bytes are not as many as the option needs.
StoredLayer open_layer(const Option& option, const Model& model, const Stage& stage, std::size_t linear,
                       std::span<const std::byte> stored);

/// The weights [outputs, inputs] in binary32 (of x / divisors, when there are such). `out` is reshaped.
void expand_body(const Option& option, const LayerShape& shape, std::span<const std::byte> body,
                 kernels::Matrix<float>& out);

}  // namespace pare::framework
