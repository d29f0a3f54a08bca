// SPDX-License-Identifier: Apache-2.0
#include "framework/io/tensor_read.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "kernels/core/dtype.hpp"

namespace pare::test {
namespace {

using framework::first_not_finite;
using framework::read_tensor;
using framework::StoredType;

/// Bytes at an odd address.
template <class T>
class Unaligned {
 public:
  explicit Unaligned(const std::vector<T>& values) : storage_(values.size() * sizeof(T) + 1) {
    std::memcpy(storage_.data() + 1, values.data(), values.size() * sizeof(T));
  }
  std::span<const std::byte> bytes() const { return std::span(storage_).subspan(1); }

 private:
  std::vector<std::byte> storage_;
};

const std::vector<float> exact_values = {0.0f, -0.0f, 1.0f, -2.5f, 0.125f, 65280.0f, -0x1p-14f, 0x1p-10f};

TEST(TensorRead, ConvertsEveryWeightTypeAtAnyAlignment) {
  std::vector<std::uint16_t> halves;
  std::vector<std::uint16_t> brains;
  for (const float value : exact_values) {
    halves.push_back(kernels::to_float16(value).bits);
    brains.push_back(kernels::to_bfloat16(value).bits);
  }
  std::vector<float> out(exact_values.size());

  read_tensor(StoredType::f32, Unaligned(exact_values).bytes(), out);
  EXPECT_EQ(out, exact_values);
  read_tensor(StoredType::f16, Unaligned(halves).bytes(), out);
  EXPECT_EQ(out, exact_values);
  read_tensor(StoredType::bf16, Unaligned(brains).bytes(), out);
  EXPECT_EQ(out, exact_values);
}

TEST(TensorRead, AcceptsTensorsWithoutElements) {
  read_tensor(StoredType::f32, {}, {});
  EXPECT_FALSE(first_not_finite(StoredType::bf16, {}));
}

template <class Word>
void expect_found_everywhere(StoredType type, const std::vector<Word>& bad_bits, Word largest_bits) {
  for (const std::int64_t size : {1, 7, 4096, 4097, 9000}) {
    std::vector<Word> words(static_cast<std::size_t>(size), largest_bits);
    EXPECT_FALSE(first_not_finite(type, Unaligned(words).bytes())) << size;
    for (const Word bits : bad_bits) {
      for (const std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
        words[static_cast<std::size_t>(at)] = bits;
        words.back() = bits;
        EXPECT_EQ(first_not_finite(type, Unaligned(words).bytes()), at) << size;
        words[static_cast<std::size_t>(at)] = largest_bits;
        words.back() = largest_bits;
      }
    }
  }
}

TEST(TensorRead, FindsTheFirstValueThatIsNotFinite) {
  expect_found_everywhere<std::uint32_t>(StoredType::f32, {0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u},
                                         0x7f7fffffu);
  expect_found_everywhere<std::uint16_t>(StoredType::f16, {0x7c00u, 0xfc00u, 0x7e00u, 0x7c01u}, 0x7bffu);
  expect_found_everywhere<std::uint16_t>(StoredType::bf16, {0x7f80u, 0xff80u, 0x7fc0u, 0x7f81u}, 0x7f7fu);
}

}  // namespace
}  // namespace pare::test
