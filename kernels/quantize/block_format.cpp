// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/block_format.hpp"

#include <string>

#include "kernels/core/contract.hpp"

namespace pare::kernels {
namespace {

struct Entry {
  BlockFormat format;
  std::string_view name;
  BlockShape shape;
  BlockFormat narrow;  ///< of blocks of 32, for widths that are not a multiple of 256: what llama.cpp falls back to,
                       ///< and q8_0 where that would be a format we do not write
};

constexpr std::array<Entry, all_block_formats.size()> entries{{
    {BlockFormat::q4_0, "q4_0", {32, 18}, BlockFormat::q4_0},
    {BlockFormat::q5_0, "q5_0", {32, 22}, BlockFormat::q5_0},
    {BlockFormat::q8_0, "q8_0", {32, 34}, BlockFormat::q8_0},
    {BlockFormat::iq4_nl, "iq4_nl", {32, 18}, BlockFormat::iq4_nl},
    {BlockFormat::q2_k, "q2_k", {256, 84}, BlockFormat::iq4_nl},
    {BlockFormat::q3_k, "q3_k", {256, 110}, BlockFormat::iq4_nl},
    {BlockFormat::q4_k, "q4_k", {256, 144}, BlockFormat::q5_0},
    {BlockFormat::q5_k, "q5_k", {256, 176}, BlockFormat::q8_0},
    {BlockFormat::q6_k, "q6_k", {256, 210}, BlockFormat::q8_0},
}};

const Entry& entry_of(BlockFormat format) {
  const auto index = static_cast<std::size_t>(format);
  EXPECT(index < entries.size() && entries[index].format == format, "block format ", index);
  return entries[index];
}

std::string remedy(const Entry& entry, std::int64_t cols) {
  const BlockShape narrow = block_shape(entry.narrow);
  if (cols % narrow.weights != 0) return "no block format fits, leave this matrix as it is";
  return pare::detail::concatenate("use ", block_format_name(entry.narrow), ", whose blocks have ", narrow.weights);
}

}  // namespace

std::string_view block_format_name(BlockFormat format) {
  return entry_of(format).name;
}

std::optional<BlockFormat> block_format_named(std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry.format;
  }
  return std::nullopt;
}

BlockShape block_shape(BlockFormat format) {
  return entry_of(format).shape;
}

std::int64_t blocks_bytes(BlockFormat format, std::int64_t rows, std::int64_t cols) {
  const Entry& entry = entry_of(format);
  VALIDATE(rows > 0 && cols > 0, "a matrix of ", rows, " x ", cols, " is empty, both sides must be positive");
  VALIDATE(cols % entry.shape.weights == 0, "a row of ", cols, " weights cannot be cut into the blocks of ",
           entry.shape.weights, " of ", entry.name, ", ", remedy(entry, cols));
  return rows * (cols / entry.shape.weights) * entry.shape.bytes;
}

}  // namespace pare::kernels
