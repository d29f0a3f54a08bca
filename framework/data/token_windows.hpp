// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "framework/data/items.hpp"

namespace pare::framework {

class H5File;
class Hasher;

/// Evaluation text: `count` windows of `length` token ids each, row-major. In every window the words 1 .. length-1 are
/// predicted from the words before them, so a window scores length - 1 positions, unless `scored` says which.
struct TokenWindows {
  std::int64_t length = 0;
  std::vector<std::uint32_t> tokens;
  std::vector<ScoredWords> scored = {};  ///< of each window; empty: 1 .. length-1 of all
  ItemSheet items = {};                  ///< where windows are the rows of multiple-choice items

  std::int64_t count() const { return length == 0 ? 0 : static_cast<std::int64_t>(tokens.size()) / length; }
  std::span<const std::uint32_t> window(std::int64_t index) const {
    return {tokens.data() + index * length, static_cast<std::size_t>(length)};
  }
  ScoredWords scored_words(std::int64_t index) const {
    return scored.empty() ? ScoredWords{1, length} : scored[static_cast<std::size_t>(index)];
  }
};

/// Windows that decide the search, windows that only confirm it, and windows that calibrate the layers; no two of the
/// sets share a token. Where `calibration` is empty, whoever calibrates does so on the search windows.
struct WindowSets {
  TokenWindows search;
  TokenWindows holdout;
  TokenWindows calibration = {};

  const TokenWindows& to_calibrate() const { return calibration.count() > 0 ? calibration : search; }
};

struct WindowPlan {
  std::int64_t windows = 64;
  std::int64_t length = 256;
  std::int64_t holdout = 32;
  std::int64_t calibration = 0;
  std::int64_t choices = 0;  ///< most choices of a multiple-choice item, which then is a window of the plan; 0: text

  /// Rows of tokens that a search or held-out window takes, and all its tokens.
  std::int64_t rows() const { return choices > 0 ? choices : 1; }
  std::int64_t window_tokens() const { return rows() * length; }
};

/// Cuts a token file (HDF5, see scripts/tokenize.py: /tokens uint32 [n], /doc_offsets uint64 [m + 1]) into disjoint
/// windows: the search windows from the front of the stream, behind them the held-out windows, behind those the
/// calibration windows; a set begins with a document where there is room, so that no document is in two of them. Throws
/// InputError naming the file: not a token file, an id beyond `vocabulary`, or too few tokens for the plan (says how
/// many windows there would be).
WindowSets read_windows(const std::filesystem::path& file, const WindowPlan& plan, std::int64_t vocabulary);

/// /tokens, checked against the vocabulary. Throws InputError as read_windows does.
std::vector<std::uint32_t> read_tokens(const H5File& file, std::int64_t vocabulary);

/// All that decides what a model makes of the windows.
void update_hash(Hasher& hasher, const TokenWindows& windows);

/// XXH3-128 of all sets that are not empty, as 32 hexadecimal digits.
std::string hash_of(const WindowSets& sets);

}  // namespace pare::framework
