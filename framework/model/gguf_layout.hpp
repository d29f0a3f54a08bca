// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "framework/io/ggml_type.hpp"
#include "kernels/quantize/block_format.hpp"

namespace pare::framework {

/// How llama.cpp names and lays out the tensors of a Hugging Face checkpoint.

/// The value of general.architecture for a model_type: "llama" for llama and mistral, else the same word.
std::string gguf_architecture(const std::string& model_type);

/// "blk.3.attn_q.weight" of "model.layers.3.self_attn.q_proj.weight". EXPECTs a tensor of model_tensors().
std::string gguf_name(const std::string& name);

/// Whether llama.cpp keeps the rows of a tensor (a checkpoint's name) in another order: those of q and k of the
/// architecture llama, weights and biases. Within a head the checkpoint has the first halves of all rotated pairs and
/// then the second ones, llama.cpp pair by pair.
bool has_paired_rows(const std::string& architecture, const std::string& name);

/// Rows of a tensor from the checkpoint's order to llama.cpp's, and back. Any rows: numbers, codes, blocks. EXPECTs equal
/// sizes and whole heads.
void pair_rows(std::span<const std::byte> rows, std::int64_t row_bytes, std::int64_t head_dim,
               std::span<std::byte> out);
void unpair_rows(std::span<const std::byte> rows, std::int64_t row_bytes, std::int64_t head_dim,
                 std::span<std::byte> out);

/// Nothing: the type has no blocks, or others than pare's.
std::optional<kernels::BlockFormat> block_format_of(GgmlType type);
GgmlType ggml_type_of(kernels::BlockFormat format);

}  // namespace pare::framework
