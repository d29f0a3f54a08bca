// SPDX-License-Identifier: Apache-2.0
#include "framework/data/token_windows.hpp"

#include <algorithm>

#include "framework/io/h5_file.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// Start of the first document that begins at or after `position`; `position` itself when there is none.
std::int64_t next_document(const std::vector<std::uint64_t>& offsets, std::int64_t position) {
  const auto found = std::lower_bound(offsets.begin(), offsets.end(), static_cast<std::uint64_t>(position));
  return found == offsets.end() || found + 1 == offsets.end() ? position : static_cast<std::int64_t>(*found);
}

void check_offsets(const std::vector<std::uint64_t>& offsets, std::size_t tokens, const std::string& file) {
  VALIDATE(offsets.size() >= 2 && offsets.front() == 0 && offsets.back() == tokens &&
               std::is_sorted(offsets.begin(), offsets.end()),
           file, ": /doc_offsets must rise from 0 to the number of tokens, ", tokens);
}

/// The end of the sentence "the experiment needs ...".
std::string further_demand(const WindowPlan& plan) {
  if (plan.calibration == 0) return "; give more text or fewer windows";
  return " + " + std::to_string(plan.calibration) +
         " to calibrate on; give more text or fewer windows (data.calibration_windows: 0 calibrates on those of the "
         "search, which flatters calibrated options there)";
}

}  // namespace

std::vector<std::uint32_t> read_tokens(const H5File& file, std::int64_t vocabulary) {
  VALIDATE(file.contains("/tokens"), file.path().string(),
           ": is not a token file (no /tokens), scripts/tokenize.py writes them");
  auto tokens = file.read<std::uint32_t>("/tokens");
  const auto largest = std::max_element(tokens.begin(), tokens.end());
  VALIDATE(largest == tokens.end() || *largest < vocabulary, file.path().string(), ": token ", *largest,
           " at position ", largest - tokens.begin(), " is beyond the model's vocabulary of ", vocabulary,
           ", was the text cut by another tokenizer?");
  return tokens;
}

WindowSets read_windows(const std::filesystem::path& path, const WindowPlan& plan, std::int64_t vocabulary) {
  const H5File file = H5File::open(path);
  const std::vector<std::uint32_t> tokens = read_tokens(file, vocabulary);
  const auto total = static_cast<std::int64_t>(tokens.size());
  std::int64_t still_needed = (plan.windows + plan.holdout + plan.calibration) * plan.length;
  VALIDATE(still_needed <= total, path.string(), ": ", total, " tokens give ", total / plan.length, " windows of ",
           plan.length, ", the experiment needs ", plan.windows, " + ", plan.holdout, " held out",
           further_demand(plan));
  std::vector<std::uint64_t> offsets;
  if (file.contains("/doc_offsets")) {
    offsets = file.read<std::uint64_t>("/doc_offsets");
    check_offsets(offsets, tokens.size(), path.string());
  }
  std::int64_t cursor = 0;
  const auto cut = [&](std::int64_t windows) {
    const std::int64_t count = windows * plan.length;
    const std::int64_t latest = total - still_needed;
    std::int64_t begin = cursor == 0 ? 0 : latest;
    if (!offsets.empty()) begin = std::min(latest, next_document(offsets, cursor));
    cursor = begin + count;
    still_needed -= count;
    return TokenWindows{plan.length, {tokens.begin() + begin, tokens.begin() + cursor}};
  };
  WindowSets sets{cut(plan.windows), cut(plan.holdout)};  // braces: from left to right
  if (plan.calibration > 0) sets.calibration = cut(plan.calibration);
  return sets;
}

void update_hash(Hasher& hasher, const TokenWindows& windows) {
  hasher.update(std::to_string(windows.count()) + " windows of " + std::to_string(windows.length) + "\n");
  hasher.update(std::as_bytes(std::span(windows.tokens)));
  if (windows.items.empty()) return;
  const ItemSheet& sheet = windows.items;
  hasher.update("items of " + std::to_string(sheet.rows) + " rows\n");
  hasher.update(std::as_bytes(std::span(windows.scored)));
  hasher.update(std::as_bytes(std::span(sheet.labels)));
  hasher.update(std::as_bytes(std::span(sheet.choices)));
  hasher.update(std::as_bytes(std::span(sheet.scales)));
}

std::string hash_of(const WindowSets& sets) {
  Hasher hasher;
  for (const TokenWindows* windows : {&sets.search, &sets.holdout, &sets.calibration}) {
    if (!windows->tokens.empty()) update_hash(hasher, *windows);
  }
  return hasher.hex();
}

}  // namespace pare::framework
