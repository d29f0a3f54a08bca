// SPDX-License-Identifier: Apache-2.0
#include "framework/data/window_file.hpp"

#include <algorithm>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

TokenWindows read_set(const H5File& file, const char* name, std::int64_t vocabulary) {
  const auto shape = file.shape(name);
  VALIDATE(shape.size() == 2 && shape[1] >= 2, file.path().string(), ": ", name, " must be [windows, length]");
  TokenWindows windows{shape[1], file.read<std::uint32_t>(name)};
  const bool known =
      std::all_of(windows.tokens.begin(), windows.tokens.end(), [&](std::uint32_t t) { return t < vocabulary; });
  VALIDATE(known, file.path().string(), ": ", name, " holds a token beyond the model's vocabulary of ", vocabulary);
  return windows;
}

void write_set(H5File& file, const char* name, const TokenWindows& windows, const char* description) {
  file.write(name, kernels::MatrixView<const std::uint32_t>(windows.tokens.data(), windows.count(), windows.length));
  file.describe(name, "token id", description);
}

}  // namespace

void write_window_file(const std::filesystem::path& path, const WindowSets& sets) {
  H5File file = H5File::create(path);
  write_set(file, "/search", sets.search, "windows that decide the search");
  write_set(file, "/holdout", sets.holdout, "windows that only confirm the winner");
  if (sets.calibration.count() > 0)
    write_set(file, "/calibration", sets.calibration, "windows that calibrate the layers");
  file.set_attribute("/", "content", "evaluation windows");
  file.commit();
}

WindowSets read_window_file(const std::filesystem::path& path, std::int64_t vocabulary) {
  const H5File file = H5File::open(path);
  WindowSets sets{read_set(file, "/search", vocabulary), read_set(file, "/holdout", vocabulary)};
  if (file.contains("/calibration")) sets.calibration = read_set(file, "/calibration", vocabulary);
  VALIDATE(sets.search.length == sets.holdout.length && sets.search.length == sets.to_calibrate().length, path.string(),
           ": its sets have windows of different lengths");
  return sets;
}

}  // namespace pare::framework
