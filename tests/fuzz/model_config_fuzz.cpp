// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model_config.hpp"
#include "framework/model/quantization_config.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// config.json of a checkpoint: sizes, and how compressed-tensors quantized it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  scratch.write("config.json", fuzz::bytes_of(data, size));
  fuzz::accepts([&] {
    const framework::ModelConfig config = framework::read_model_config(scratch.path());
    fuzz::require(config.layers > 0 && config.hidden > 0 && config.heads % config.kv_heads == 0 &&
                      std::ssize(config.inverse_frequencies) == config.head_dim / 2,
                  "the sizes of an accepted model fit each other");
  });
  fuzz::accepts([&] { framework::read_quantization_config(scratch.path()); });
  return 0;
}
