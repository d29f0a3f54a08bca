// SPDX-License-Identifier: Apache-2.0
#include "framework/io/tensor_read.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/core/contract.hpp"
#include "kernels/core/dtype.hpp"

namespace pare::framework {
namespace {

constexpr std::size_t block = 4096;  // elements; small enough for the first cache

template <class Word>
Word load(const std::byte* from) {
  Word word;
  std::memcpy(&word, from, sizeof(Word));
  return word;
}

template <class Stored, class Word>
void convert(std::span<const std::byte> bytes, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = kernels::to_float(Stored{load<Word>(bytes.data() + i * sizeof(Word))});
  }
}

/// NaN and infinity are the numbers whose exponent bits are all set.
template <class Word>
std::optional<std::int64_t> find_full_exponent(std::span<const std::byte> bytes, Word exponent) {
  const std::size_t count = bytes.size() / sizeof(Word);
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::byte* data = bytes.data() + begin * sizeof(Word);
    const std::size_t size = std::min(block, count - begin);
    Word found = 0;
#pragma omp simd reduction(| : found)
    for (std::size_t i = 0; i < size; ++i) {
      found |= static_cast<Word>((load<Word>(data + i * sizeof(Word)) & exponent) == exponent);
    }
    if (found == 0) continue;
    for (std::size_t i = 0; i < size; ++i) {
      if ((load<Word>(data + i * sizeof(Word)) & exponent) == exponent) return static_cast<std::int64_t>(begin + i);
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_weight_type(StoredType type) {
  return type == StoredType::f32 || type == StoredType::f16 || type == StoredType::bf16;
}

void read_tensor(StoredType type, std::span<const std::byte> bytes, std::span<float> out) {
  EXPECT(is_weight_type(type) && bytes.size() == out.size() * static_cast<std::size_t>(bytes_of(type)), to_string(type),
         ", ", bytes.size(), " bytes, ", out.size(), " values");
  if (type == StoredType::bf16) {
    convert<kernels::BFloat16, std::uint16_t>(bytes, out);
  } else if (type == StoredType::f16) {
    convert<kernels::Float16, std::uint16_t>(bytes, out);
  } else if (!bytes.empty()) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
  }
}

std::optional<std::int64_t> first_not_finite(StoredType type, std::span<const std::byte> bytes) {
  EXPECT(is_weight_type(type), to_string(type));
  if (type == StoredType::f32) return find_full_exponent<std::uint32_t>(bytes, 0x7f800000u);
  return find_full_exponent<std::uint16_t>(bytes, type == StoredType::f16 ? 0x7c00u : 0x7f80u);
}

}  // namespace pare::framework
