// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "framework/data/token_windows.hpp"

namespace pare::framework {

/// One domain of the text that a model is judged on.
struct TextSource {
  std::filesystem::path file;  ///< a token file, as for read_windows
  std::string name;
  double weight = 1;  ///< its share of the windows, relative to the others; positive
};

/// The text (an index into `weights`) that each of `count` windows of a set comes from: the share of a text is its share
/// of the weights to within a window, in every stretch from the first window on as well as in all, so that the mean over
/// windows is the weighted mean over texts, on the first rung of a race as on the last.
std::vector<std::uint16_t> deal_windows(std::span<const double> weights, std::int64_t count);

/// Cuts every file as read_windows does, or read_items where the plan has choices, into as many windows of each set as are dealt to it, and deals them. Throws
/// InputError naming the file.
WindowSets read_mixture(const std::vector<TextSource>& texts, const WindowPlan& plan, std::int64_t vocabulary);

}  // namespace pare::framework
