// SPDX-License-Identifier: Apache-2.0
#include "framework/io/checkpoint.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// The index of a checkpoint beside two sound shards and, one directory up, a file that no index may reach.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  static const std::filesystem::path model = [] {
    std::filesystem::create_directory(scratch.path() / "model");
    scratch.write("model/a.safetensors", test::make_safetensors({test::float_tensor("a", {2}, {1, 2})}));
    scratch.write("model/b.safetensors", test::make_safetensors({test::float_tensor("b", {1}, {3})}));
    scratch.write("secret.safetensors", test::make_safetensors({test::float_tensor("secret", {1}, {4})}));
    return scratch.path() / "model";
  }();
  scratch.write("model/model.safetensors.index.json", fuzz::bytes_of(data, size));
  fuzz::accepts([&] {
    const framework::Checkpoint checkpoint(model);
    for (const std::string& name : checkpoint.names())
      fuzz::require(name == "a" || name == "b", "only tensors of the model's own files are found");
  });
  return 0;
}
