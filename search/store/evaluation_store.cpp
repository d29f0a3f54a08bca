// SPDX-License-Identifier: Apache-2.0
#include "search/store/evaluation_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/store/journal_reader.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().extension() == ".bin") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

EvaluationStore::EvaluationStore(Settings settings, RecipeIdentity identity)
    : settings_(std::move(settings)), identity_(std::move(identity)) {
  std::size_t runs = 0;
  std::uintmax_t bytes = 0;
  for (const WindowSet set : {WindowSet::search, WindowSet::holdout}) {
    const fs::path directory = settings_.directory / settings_.keys[static_cast<std::size_t>(set)];
    std::error_code error;
    fs::create_directories(directory, error);
    VALIDATE(!error, "cannot create the directory ", directory.string(), ": ", error.message());
    for (const fs::path& file : files_below(directory)) {
      read(file, set);
      ++runs;
      bytes += fs::file_size(file, error);
    }
  }
  const std::int64_t windows = known_.windows(WindowSet::search) + known_.windows(WindowSet::holdout);
  if (windows > 0) {
    settings_.say(
        fmt::format("reusing: {} evaluated windows of {} recipes are known from other runs ({} files, {:.1f} MB in {})",
                    windows, known_.recipes(), runs, static_cast<double>(bytes) / 1e6, settings_.directory.string()));
  }
}

void EvaluationStore::read(const fs::path& file, WindowSet set) {
  const auto warn = [&](const std::string& what) { settings_.say(fmt::format("warning: {} {}", file.string(), what)); };
  try {
    const Segment segment = read_segment(file);
    if (!segment.header) return warn("is not used: its header is damaged");
    if (segment.scan.gaps.size() > 1) warn("is damaged: only its sound results are used");
    for (const JournalRecord& record : segment.scan.records) {
      const auto decoded = decode_record(record);
      const auto* result = std::get_if<Result>(&decoded);
      if (result == nullptr || result->set != set) continue;
      try {
        known_.add(*result);
      } catch (const InternalError&) {
        if (contradicted_.insert(result->recipe).second) {
          warn("contradicts another run about a recipe, which is evaluated again; a machine is faulty, or the file is");
        }
      }
    }
  } catch (const InputError& error) {
    warn(fmt::format("is not used: {}", error.what()));
  }
}

std::vector<Result> EvaluationStore::find(const Recipe& recipe, WindowSet set, const WindowRange& range) const {
  const Recipe name = identity_.of(recipe);
  if (contradicted_.contains(name)) return {};
  std::vector<Result> results;
  const auto take = [&](std::int64_t begin, std::int64_t end) {
    if (begin == end) return;
    Trial trial = known_.lookup({name, set, begin, end - begin}).value();
    results.push_back({.recipe = recipe,
                       .set = set,
                       .begin = begin,
                       .kl = std::move(trial.kl),
                       .nll = std::move(trial.nll),
                       .stage_runs = 0,
                       .stage_runs_saved = 0,
                       .reused = true,
                       .wrong = std::move(trial.wrong)});
  };
  std::int64_t next = range.begin;
  for (const WindowRange& unknown : known_.missing({name, set, range.begin, range.count})) {
    take(next, unknown.begin);
    next = unknown.begin + unknown.count;
  }
  take(next, range.begin + range.count);
  return results;
}

void EvaluationStore::add(const Result& result) {
  if (refused_) return;
  try {
    write(result);
  } catch (const std::exception& error) {
    refused_ = true;
    settings_.say(fmt::format("warning: the results of this run are not kept for other runs: {}", error.what()));
  }
}

/// Without a sync: what a power cut takes is evaluated again.
void EvaluationStore::write(const Result& result) {
  const auto set = static_cast<std::size_t>(result.set);
  if (!files_[set]) {
    const fs::path file =
        settings_.directory / settings_.keys[set] / fmt::format("{}-{}.bin", settings_.header.run, settings_.epoch);
    files_[set].emplace(file, PosixFile::Mode::create_new);
    files_[set]->write(
        encode_header({.journal = settings_.header, .number = 1, .epoch = settings_.epoch, .owner = ""}));
  }
  Result named = result;
  named.recipe = identity_.of(result.recipe);
  const JournalEntry entry = journal_entry(Record(named));
  files_[set]->write(encode_record({++written_[set], entry.type, entry.payload}));
}

}  // namespace pare::search
