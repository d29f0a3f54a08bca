// SPDX-License-Identifier: Apache-2.0
#include "framework/model/tensor_values.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/core/contract.hpp"
#include "kernels/core/dtype.hpp"

namespace pare::framework {
namespace {

/// Element i of a block of bytes that need not be aligned.
template <class T>
T element(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void convert(std::span<const std::byte> bytes, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = kernels::to_float(element<T>(bytes, i));
}

/// A value is NaN or infinite when all its exponent bits are set.
template <class Bits>
std::int64_t first_with_full_exponent(std::span<const std::byte> bytes, Bits exponent) {
  const std::size_t count = bytes.size() / sizeof(Bits);
  constexpr std::size_t block = 4096;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = std::min(count, begin + block);
    bool found = false;
    for (std::size_t i = begin; i < end; ++i) found |= (element<Bits>(bytes, i) & exponent) == exponent;
    if (!found) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if ((element<Bits>(bytes, i) & exponent) == exponent) return static_cast<std::int64_t>(i);
    }
  }
  return -1;
}

[[noreturn]] void refuse_dtype(const Checkpoint::Tensor& tensor) {
  throw InputError(tensor.file.string() + ": tensor '" + tensor.info.name + "' is " + tensor.info.dtype +
                   ", weights must be F32, F16 or BF16");
}

}  // namespace

void read_values(const Checkpoint::Tensor& tensor, std::span<float> out) {
  if (tensor.info.dtype == "F32") {
    EXPECT(tensor.bytes.size() == out.size_bytes(), tensor.info.name);
    if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
    return;
  }
  EXPECT(tensor.bytes.size() == out.size() * 2, tensor.info.name);
  if (tensor.info.dtype == "BF16") {
    convert<kernels::BFloat16>(tensor.bytes, out);
  } else if (tensor.info.dtype == "F16") {
    convert<kernels::Float16>(tensor.bytes, out);
  } else {
    refuse_dtype(tensor);
  }
}

std::int64_t first_not_finite(const Checkpoint::Tensor& tensor) {
  if (tensor.info.dtype == "F32") return first_with_full_exponent<std::uint32_t>(tensor.bytes, 0x7f800000u);
  if (tensor.info.dtype == "BF16") return first_with_full_exponent<std::uint16_t>(tensor.bytes, 0x7f80u);
  if (tensor.info.dtype == "F16") return first_with_full_exponent<std::uint16_t>(tensor.bytes, 0x7c00u);
  refuse_dtype(tensor);
}

}  // namespace pare::framework
