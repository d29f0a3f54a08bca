// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "framework/data/item_file.hpp"
#include "framework/data/item_scores.hpp"
#include "framework/data/token_windows.hpp"
#include "framework/data/window_file.hpp"
#include "framework/io/inspect.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// HDF5 as text to evaluate on: from a tokenizer, or between the ranks of a run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  const auto file = scratch.write("tokens.h5", fuzz::bytes_of(data, size));
  fuzz::accepts([&] {
    const framework::WindowSets sets = framework::read_windows(file, {2, 4, 1, 1}, 256);
    fuzz::require(sets.search.count() == 2 && sets.holdout.count() == 1 && sets.calibration.count() == 1,
                  "as many windows as were asked for");
  });
  fuzz::accepts([&] {
    const framework::WindowSets sets = framework::read_items(file, {2, 4, 1, 1, 3}, 256);
    fuzz::require(sets.search.count() == 6 && sets.holdout.items.count() == 1, "as many rows as were asked for");
    framework::score_items(sets.search, 0, std::vector(6, 1.0), std::vector(6, 1.0));
  });
  fuzz::accepts([&] { framework::read_window_file(file, 256); });
  fuzz::accepts([&] { framework::describe_hdf5(file); });
  return 0;
}
