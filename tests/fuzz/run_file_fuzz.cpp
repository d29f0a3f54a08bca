// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// HDF5 as the file of a run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  const auto file = scratch.write("run.h5", fuzz::bytes_of(data, size));
  fuzz::accepts([&] { search::read_run_file(file); });
  return 0;
}
