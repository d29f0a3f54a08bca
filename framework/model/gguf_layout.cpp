// SPDX-License-Identifier: Apache-2.0
#include "framework/model/gguf_layout.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using kernels::BlockFormat;

struct ModuleName {
  std::string_view checkpoint;
  std::string_view gguf;
};
constexpr std::array modules{
    ModuleName{"input_layernorm", "attn_norm"},    ModuleName{"self_attn.q_proj", "attn_q"},
    ModuleName{"self_attn.k_proj", "attn_k"},      ModuleName{"self_attn.v_proj", "attn_v"},
    ModuleName{"self_attn.o_proj", "attn_output"}, ModuleName{"self_attn.q_norm", "attn_q_norm"},
    ModuleName{"self_attn.k_norm", "attn_k_norm"}, ModuleName{"post_attention_layernorm", "ffn_norm"},
    ModuleName{"mlp.gate_proj", "ffn_gate"},       ModuleName{"mlp.up_proj", "ffn_up"},
    ModuleName{"mlp.down_proj", "ffn_down"}};

struct BlockType {
  GgmlType type;
  BlockFormat format;
};
constexpr std::array blocks{
    BlockType{GgmlType::q4_0, BlockFormat::q4_0}, BlockType{GgmlType::q5_0, BlockFormat::q5_0},
    BlockType{GgmlType::q8_0, BlockFormat::q8_0}, BlockType{GgmlType::iq4_nl, BlockFormat::iq4_nl},
    BlockType{GgmlType::q2_k, BlockFormat::q2_k}, BlockType{GgmlType::q3_k, BlockFormat::q3_k},
    BlockType{GgmlType::q4_k, BlockFormat::q4_k}, BlockType{GgmlType::q5_k, BlockFormat::q5_k},
    BlockType{GgmlType::q6_k, BlockFormat::q6_k}};

/// Calls `move(row of the checkpoint, row of llama.cpp)` for all rows.
template <class Move>
void for_paired_rows(std::int64_t rows, std::int64_t head_dim, const Move& move) {
  EXPECT(rows % head_dim == 0, rows, " rows, heads of ", head_dim);
  const std::int64_t pairs = head_dim / 2;
  for (std::int64_t head = 0; head < rows; head += head_dim)
    for (std::int64_t half = 0; half < 2; ++half)
      for (std::int64_t i = 0; i < pairs; ++i) move(head + half * pairs + i, head + 2 * i + half);
}

}  // namespace

std::string gguf_architecture(const std::string& model_type) {
  return model_type == "mistral" ? "llama" : model_type;
}

std::string gguf_name(const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  constexpr std::string_view prefix = "model.layers.";
  EXPECT(name.starts_with(prefix), name);
  const std::size_t module = name.find('.', prefix.size()) + 1;
  const std::size_t suffix = name.rfind('.');
  const std::string_view middle = std::string_view(name).substr(module, suffix - module);
  const auto* const found =
      std::find_if(modules.begin(), modules.end(), [&](const auto& known) { return known.checkpoint == middle; });
  EXPECT(found != modules.end(), name);
  return "blk." + name.substr(prefix.size(), module - prefix.size()) + std::string(found->gguf) + name.substr(suffix);
}

bool has_paired_rows(const std::string& architecture, const std::string& name) {
  return architecture == "llama" &&
         (name.find(".q_proj.") != std::string::npos || name.find(".k_proj.") != std::string::npos);
}

void pair_rows(std::span<const std::byte> rows, std::int64_t row_bytes, std::int64_t head_dim,
               std::span<std::byte> out) {
  EXPECT(rows.size() == out.size());
  const auto width = static_cast<std::size_t>(row_bytes);
  for_paired_rows(std::ssize(rows) / row_bytes, head_dim, [&](std::int64_t checkpoint, std::int64_t llama_cpp) {
    std::memcpy(out.data() + llama_cpp * row_bytes, rows.data() + checkpoint * row_bytes, width);
  });
}

void unpair_rows(std::span<const std::byte> rows, std::int64_t row_bytes, std::int64_t head_dim,
                 std::span<std::byte> out) {
  EXPECT(rows.size() == out.size());
  const auto width = static_cast<std::size_t>(row_bytes);
  for_paired_rows(std::ssize(rows) / row_bytes, head_dim, [&](std::int64_t checkpoint, std::int64_t llama_cpp) {
    std::memcpy(out.data() + checkpoint * row_bytes, rows.data() + llama_cpp * row_bytes, width);
  });
}

std::optional<BlockFormat> block_format_of(GgmlType type) {
  for (const BlockType& known : blocks)
    if (known.type == type) return known.format;
  return std::nullopt;
}

GgmlType ggml_type_of(BlockFormat format) {
  return std::find_if(blocks.begin(), blocks.end(), [&](const auto& known) { return known.format == format; })->type;
}

}  // namespace pare::framework
