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

}  // namespace

WindowSets read_windows(const std::filesystem::path& path, const WindowPlan& plan, std::int64_t vocabulary) {
  const H5File file = H5File::open(path);
  VALIDATE(file.contains("/tokens"), path.string(),
           ": is not a token file (no /tokens), scripts/tokenize.py writes them");
  const auto tokens = file.read<std::uint32_t>("/tokens");
  const auto largest = std::max_element(tokens.begin(), tokens.end());
  VALIDATE(largest == tokens.end() || *largest < vocabulary, path.string(), ": token ", *largest, " at position ",
           largest - tokens.begin(), " is beyond the model's vocabulary of ", vocabulary,
           ", was the text cut by another tokenizer?");

  const auto total = static_cast<std::int64_t>(tokens.size());
  const std::int64_t search_tokens = plan.windows * plan.length;
  const std::int64_t holdout_tokens = plan.holdout * plan.length;
  VALIDATE(search_tokens + holdout_tokens <= total, path.string(), ": ", total, " tokens give ", total / plan.length,
           " windows of ", plan.length, ", the experiment needs ", plan.windows, " + ", plan.holdout,
           " held out; give more text or fewer windows");
  // The held-out windows begin with a document where there is room, so that no document is on both sides.
  std::int64_t holdout_begin = total - holdout_tokens;
  if (file.contains("/doc_offsets")) {
    const auto offsets = file.read<std::uint64_t>("/doc_offsets");
    check_offsets(offsets, tokens.size(), path.string());
    const std::int64_t document = next_document(offsets, search_tokens);
    if (document + holdout_tokens <= total) holdout_begin = document;
  }
  const auto begin = tokens.begin();
  return {{plan.length, {begin, begin + search_tokens}},
          {plan.length, {begin + holdout_begin, begin + holdout_begin + holdout_tokens}}};
}

std::string hash_of(const WindowSets& sets) {
  Hasher hasher;
  for (const TokenWindows* windows : {&sets.search, &sets.holdout}) {
    hasher.update(std::to_string(windows->count()) + " windows of " + std::to_string(windows->length) + "\n");
    hasher.update(std::as_bytes(std::span(windows->tokens)));
  }
  return hasher.hex();
}

}  // namespace pare::framework
