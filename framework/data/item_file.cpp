// SPDX-License-Identifier: Apache-2.0
#include "framework/data/item_file.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "framework/config/utf8.hpp"
#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};

/// The columns of /items, each of the length that the others ask for.
class ItemColumns {
 public:
  ItemColumns(const H5File& file, std::size_t tokens) : name_(file.path().string()) {
    contexts_ = ranges(file, "/items/context", tokens);
    choices_ = ranges(file, "/items/choice", tokens);
    labels_ = file.read<std::uint32_t>("/items/label");
    offsets_ = file.read<std::uint64_t>("/items/choice_offsets");
    bytes_ = file.read<std::uint32_t>("/items/choice_bytes");
    const std::string score = file.string_attribute("/items", "score");
    VALIDATE(score == "sum" || score == "bytes", name_, ": /items: score is '", printable(score),
             "' (known: sum, bytes)");
    by_bytes_ = score == "bytes";
    const bool fit = labels_.size() == contexts_.size() && bytes_.size() == choices_.size() &&
                     offsets_.size() == contexts_.size() + 1 && offsets_.front() == 0 &&
                     offsets_.back() == choices_.size() && std::is_sorted(offsets_.begin(), offsets_.end());
    VALIDATE(fit, name_, ": the columns of /items do not belong together, scripts/tokenize.py --items writes them");
  }

  std::int64_t count() const { return std::ssize(contexts_); }

  /// Appends one item to a set.
  void append(std::int64_t item, const std::vector<std::uint32_t>& tokens, std::int64_t rows, TokenWindows& set) const {
    const auto i = static_cast<std::size_t>(item);
    const auto first = static_cast<std::size_t>(offsets_[i]);
    const auto count = static_cast<std::int64_t>(offsets_[i + 1]) - static_cast<std::int64_t>(first);
    VALIDATE(count >= 2, name_, ": item ", item, " has ", count,
             " choices (there is nothing to choose), give two or more");
    VALIDATE(count <= rows, name_, ": item ", item, " has ", count, " choices, but data.choices is ", rows,
             ", raise it to the most of any item");
    VALIDATE(labels_[i] < count, name_, ": item ", item, ": label ", labels_[i], " is none of its ", count,
             " choices, which count from 0");
    VALIDATE(contexts_[i].size() > 0, name_, ": item ", item, " has an empty context, nothing precedes its choices");
    for (std::int64_t c = 0; c < rows; ++c) {
      set.tokens.resize(set.tokens.size() + static_cast<std::size_t>(set.length), 0);
      set.scored.push_back({});
      set.items.scales.push_back(0);
      if (c < count) fill_row(item, c, first + static_cast<std::size_t>(c), tokens, set);
    }
    set.items.labels.push_back(static_cast<std::uint8_t>(labels_[i]));
    set.items.choices.push_back(static_cast<std::uint8_t>(count));
  }

  /// One past the last token of items [0, count).
  std::int64_t end_of(std::int64_t count) const {
    std::int64_t end = 0;
    for (std::int64_t i = 0; i < count; ++i) end = std::max(end, contexts_[static_cast<std::size_t>(i)].end);
    const auto choices = static_cast<std::ptrdiff_t>(offsets_[static_cast<std::size_t>(count)]);
    std::for_each(choices_.begin(), choices_.begin() + choices,
                  [&](const Range& each) { end = std::max(end, each.end); });
    return end;
  }

 private:
  std::vector<Range> ranges(const H5File& file, const char* column, std::size_t tokens) const {
    const auto shape = file.shape(column);
    VALIDATE(shape.size() == 2 && shape[1] == 2, name_, ": ", column, " must be [rows, 2]");
    const auto values = file.read<std::uint64_t>(column);
    std::vector<Range> ranges;
    for (std::size_t r = 0; r < values.size(); r += 2) {
      VALIDATE(values[r] <= values[r + 1] && values[r + 1] <= tokens, name_, ": ", column, ": row ", r / 2, " is from ",
               values[r], " to ", values[r + 1], ", the file has ", tokens, " tokens");
      ranges.push_back({static_cast<std::int64_t>(values[r]), static_cast<std::int64_t>(values[r + 1])});
    }
    return ranges;
  }

  void fill_row(std::int64_t item, std::int64_t choice, std::size_t row, const std::vector<std::uint32_t>& tokens,
                TokenWindows& set) const {
    const Range& answer = choices_[row];
    VALIDATE(answer.size() > 0, name_, ": item ", item, ", choice ", choice, " is empty");
    VALIDATE(answer.size() < set.length, name_, ": item ", item, ", choice ", choice, " has ", answer.size(),
             " tokens, which do not fit behind a context into a window of ", set.length, ", raise data.length");
    const Range& whole = contexts_[static_cast<std::size_t>(item)];
    const std::int64_t kept = std::min(whole.size(), set.length - answer.size());
    const auto at = set.tokens.end() - set.length;
    std::copy(tokens.begin() + whole.end - kept, tokens.begin() + whole.end, at);
    std::copy(tokens.begin() + answer.begin, tokens.begin() + answer.end, at + kept);
    set.scored.back() = {kept, kept + answer.size()};
    set.items.scales.back() = by_bytes_ ? 1.0 / std::max<std::uint32_t>(bytes_[row], 1) : 1.0;
  }

  std::string name_;
  std::vector<Range> contexts_, choices_;
  std::vector<std::uint32_t> labels_, bytes_;
  std::vector<std::uint64_t> offsets_;
  bool by_bytes_ = false;
};

}  // namespace

WindowSets read_items(const std::filesystem::path& path, const WindowPlan& plan, std::int64_t vocabulary) {
  const H5File file = H5File::open(path);
  const std::vector<std::uint32_t> tokens = read_tokens(file, vocabulary);
  VALIDATE(
      file.contains("/items"), path.string(),
      ": has no multiple-choice items (/items), which objective.metric: accuracy needs, scripts/tokenize.py --items "
      "writes them");
  const ItemColumns columns(file, tokens.size());
  const std::int64_t needed = plan.windows + plan.holdout;
  VALIDATE(needed <= columns.count(), path.string(), ": ", columns.count(), " items, the experiment needs ",
           plan.windows, " + ", plan.holdout, " held out; give more or lower data.windows and data.holdout");
  WindowSets sets{{plan.length, {}}, {plan.length, {}}};
  sets.search.items.rows = sets.holdout.items.rows = plan.choices;
  for (std::int64_t i = 0; i < needed; ++i) {
    columns.append(i, tokens, plan.choices, i < plan.windows ? sets.search : sets.holdout);
  }
  if (plan.calibration == 0) return sets;
  const std::int64_t begin = columns.end_of(needed);
  const std::int64_t count = plan.calibration * plan.length;
  VALIDATE(begin + count <= std::ssize(tokens), path.string(), ": ", std::ssize(tokens) - begin,
           " tokens behind the items that are asked, the experiment calibrates on ", plan.calibration, " windows of ",
           plan.length, "; give more items or lower data.calibration_windows");
  sets.calibration = {plan.length, {tokens.begin() + begin, tokens.begin() + begin + count}};
  return sets;
}

}  // namespace pare::framework
