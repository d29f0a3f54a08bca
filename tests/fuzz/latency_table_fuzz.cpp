// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// Measured times as text, which users write by hand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  if (fuzz::text_of(data, size).starts_with("\x89HDF")) return 0;  // libhdf5's affair
  const auto file = scratch.write("table.csv", fuzz::bytes_of(data, size));
  fuzz::accepts([&] {
    const auto entries = framework::read_latency_file(file);
    framework::write_latency_file(scratch.path() / "again.csv", entries, {});
    fuzz::require(framework::read_latency_file(scratch.path() / "again.csv").size() == entries.size(),
                  "an accepted table is accepted again when it is written");
  });
  return 0;
}
