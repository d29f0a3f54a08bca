// SPDX-License-Identifier: Apache-2.0
#include "framework/io/sentencepiece.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepts([&] {
    const auto model = framework::parse_sentencepiece(fuzz::bytes_of(data, size), "tokenizer.model");
    fuzz::require(!model.pieces.empty() && model.pieces.size() <= size, "a piece takes bytes");
  });
  return 0;
}
