// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "framework/io/gguf.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepts([&] {
    const auto header = framework::parse_gguf(fuzz::bytes_of(data, size), "model.gguf");
    for (const auto& [key, value] : header.keys.list()) {
      if (const auto texts = value.as_texts()) fuzz::require(texts->size() == value.count(), "an array has its texts");
      if (const auto numbers = value.as_numbers())
        fuzz::require(numbers->size() == value.count(), "an array has its numbers");
      if (!value.as_text()) fuzz::check_text(value.describe());
    }
    for (const auto& tensor : header.tensors) {
      fuzz::require(tensor.bytes >= 0 && tensor.offset + tensor.bytes <= static_cast<std::int64_t>(size),
                    "tensors lie within the file");
    }
  });
  return 0;
}
