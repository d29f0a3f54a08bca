// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/packed_words.hpp"

#include <cstring>
#include <vector>

#include "kernels/quantize/codes.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t word_bytes = 4;

/// One row, of whole words.
std::vector<std::byte>& row_buffer(int bits, std::int64_t count) {
  thread_local std::vector<std::byte> row;
  row.assign(static_cast<std::size_t>(packed_words(bits, count) * word_bytes), std::byte{0});
  return row;
}

}  // namespace

void pack_words(int bits, const std::uint8_t* codes, std::int64_t count, std::int64_t stride, std::byte* words) {
  std::vector<std::byte>& row = row_buffer(bits, count);
  pack_codes(bits, codes, count, row.data());
  for (std::int64_t w = 0; w < packed_words(bits, count); ++w)
    std::memcpy(words + w * stride * word_bytes, row.data() + w * word_bytes, word_bytes);
}

void unpack_words(int bits, const std::byte* words, std::int64_t count, std::int64_t stride, std::uint8_t* codes) {
  std::vector<std::byte>& row = row_buffer(bits, count);
  for (std::int64_t w = 0; w < packed_words(bits, count); ++w)
    std::memcpy(row.data() + w * word_bytes, words + w * stride * word_bytes, word_bytes);
  unpack_codes(bits, row.data(), count, codes);
}

}  // namespace pare::kernels
