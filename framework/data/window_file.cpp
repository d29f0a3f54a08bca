// SPDX-License-Identifier: Apache-2.0
#include "framework/data/window_file.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

void write_items(H5File& file, const std::string& group, const TokenWindows& windows) {
  const ItemSheet& sheet = windows.items;
  std::vector<std::int64_t> words;
  for (const ScoredWords& each : windows.scored) words.insert(words.end(), {each.first, each.end});
  file.create_group(group);
  file.set_attribute(group, "rows", sheet.rows);
  file.write(group + "/scored", kernels::MatrixView<const std::int64_t>(words.data(), std::ssize(windows.scored), 2));
  file.write(group + "/labels", sheet.labels);
  file.write(group + "/choices", sheet.choices);
  file.write(group + "/scales", sheet.scales);
}

void read_items(const H5File& file, const std::string& group, TokenWindows& windows) {
  ItemSheet& sheet = windows.items;
  sheet.rows = file.int_attribute(group, "rows");
  sheet.labels = file.read<std::uint8_t>(group + "/labels");
  sheet.choices = file.read<std::uint8_t>(group + "/choices");
  sheet.scales = file.read<double>(group + "/scales");
  const auto words = file.read<std::int64_t>(group + "/scored");
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) windows.scored.push_back({words[i], words[i + 1]});
  bool sound = sheet.rows > 0 && sheet.rows < 256 && windows.count() == sheet.count() * sheet.rows &&
               std::ssize(windows.scored) == windows.count() && std::ssize(sheet.scales) == windows.count() &&
               sheet.choices.size() == sheet.labels.size();
  for (std::size_t i = 0; sound && i < sheet.labels.size(); ++i)
    sound = sheet.choices[i] >= 1 && sheet.choices[i] <= sheet.rows && sheet.labels[i] < sheet.choices[i];
  for (const ScoredWords& each : windows.scored)
    sound = sound && each.first >= 0 && each.end >= each.first && each.end <= windows.length &&
            (each.end == each.first || each.first >= 1);
  VALIDATE(sound, file.path().string(), ": ", group, " is damaged, remove the file to have it made again");
}

TokenWindows read_set(const H5File& file, const char* name, std::int64_t vocabulary) {
  const auto shape = file.shape(name);
  VALIDATE(shape.size() == 2 && shape[1] >= 2, file.path().string(), ": ", name, " must be [windows, length]");
  TokenWindows windows{shape[1], file.read<std::uint32_t>(name)};
  if (file.contains(name + std::string("_items"))) read_items(file, name + std::string("_items"), windows);
  const bool known =
      std::all_of(windows.tokens.begin(), windows.tokens.end(), [&](std::uint32_t t) { return t < vocabulary; });
  VALIDATE(known, file.path().string(), ": ", name, " holds a token beyond the model's vocabulary of ", vocabulary);
  return windows;
}

void write_set(H5File& file, const char* name, const TokenWindows& windows, const char* description) {
  file.write(name, kernels::MatrixView<const std::uint32_t>(windows.tokens.data(), windows.count(), windows.length));
  file.describe(name, "token id", description);
  if (!windows.items.empty()) write_items(file, name + std::string("_items"), windows);
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
