// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "framework/io/safetensors.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Half of the inputs get a header length that ends at their last brace, so that they reach the rules behind it.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0 || size < 10) return size;
  for (std::uint64_t length = size - 8; length > 0; --length) {
    if (data[7 + length] != '}') continue;
    std::memcpy(data, &length, sizeof length);
    break;
  }
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepts([&] {
    const auto header = framework::parse_safetensors(fuzz::bytes_of(data, size), "model.safetensors");
    std::int64_t end = static_cast<std::int64_t>(size);
    for (auto tensor = header.tensors.rbegin(); tensor != header.tensors.rend(); ++tensor) {
      fuzz::require(tensor->bytes >= 0 && tensor->offset >= 8 && tensor->offset + tensor->bytes == end,
                    "tensors follow each other up to the end of the file");
      end = tensor->offset;
    }
  });
  return 0;
}
