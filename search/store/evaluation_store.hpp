// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "search/store/evaluation_cache.hpp"
#include "search/store/posix_file.hpp"
#include "search/store/recipe_identity.hpp"
#include "search/store/records.hpp"

namespace pare::search {

/// What other runs evaluated of the same model on the same windows: a repeated search, or one with more options, another
/// budget, algorithm or seed, pays only for what is new. A convenience beside the journal, which holds all that a run
/// used: files may be deleted at any time.
///
///   DIRECTORY/<key of a window set>/<run>-<epoch>.bin    one writer each; all are read at the start
///
/// A file is a segment (store/journal_format.hpp) of Result records whose recipe is its RecipeIdentity. The key covers
/// model, tokens, teacher, precision, build and instruction set: under one key, a recipe on a window has one result, bit
/// for bit. Nothing is ever removed; what it takes is said at the start of a run.
class EvaluationStore {
 public:
  struct Settings {
    std::filesystem::path directory;
    std::array<std::string, 2> keys;  ///< by WindowSet
    JournalHeader header;             ///< of the run that asks; its `run` and `epoch` name what it writes
    std::uint64_t epoch = 1;
    std::function<void(const std::string&)> say;  ///< warnings and what was found
  };

  /// Reads what is there. Damaged files are read up to the damage, results that contradict each other are left out, both
  /// with a warning. Throws InputError when the directory cannot be made.
  EvaluationStore(Settings settings, RecipeIdentity identity);

  /// Results for those windows of the range that are known, marked as reused.
  std::vector<Result> find(const Recipe& recipe, WindowSet set, const WindowRange& range) const;

  /// Keeps a result of this run for others. Says once when the disk refuses, and keeps nothing from then on.
  void add(const Result& result);

 private:
  void read(const std::filesystem::path& file, WindowSet set);
  void write(const Result& result);

  Settings settings_;
  RecipeIdentity identity_;
  EvaluationCache known_;
  std::set<Recipe> contradicted_;
  std::array<std::optional<PosixFile>, 2> files_;  ///< by WindowSet, made with the first result
  std::array<std::uint64_t, 2> written_{};
  bool refused_ = false;
};

}  // namespace pare::search
