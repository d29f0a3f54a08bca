// SPDX-License-Identifier: Apache-2.0
#include "search/store/compare_file.hpp"

#include <cmath>
#include <limits>
#include <sstream>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/objective/compare_summary.hpp"
#include "search/store/compare_schema.hpp"
#include "search/store/h5_columns.hpp"

namespace pare::search {
namespace {

namespace layout = compare_schema;
using framework::H5File;
using h5::collect;
using h5::put;
using h5::put_rows;
using h5::Table;
using schema::Column;

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> list;
  for (std::string word; words >> word;) list.push_back(word);
  return list;
}

void put_head(H5File& file, const CompareRecord& record, const std::string& reference) {
  file.set_attribute("/", "format", std::string(layout::format));
  file.set_attribute("/", "version", layout::version);
  h5::put_text(file, "/", layout::yaml, record.yaml);
  file.set_attribute("/", layout::identity, record.identity);
  file.set_attribute("/", layout::tokens, record.tokens);
  file.set_attribute("/", layout::window_length, record.window_length);
  file.set_attribute("/", layout::search_windows, record.search_windows);
  file.set_attribute("/", layout::holdout_windows, record.holdout_windows);
  file.set_attribute("/", layout::reference, reference);
  file.set_attribute("/", layout::digest, record.digest);
  put(file, layout::algorithms, record.algorithms);
  put(file, layout::seeds, collect(record.seeds, [](std::uint64_t seed) { return static_cast<std::int64_t>(seed); }));
  h5::put_provenance(file, record.provenance);
}

void put_sites_and_budgets(H5File& file, const CompareRecord& record) {
  file.create_group(layout::sites);
  put(file, layout::site_name, collect(record.sites, [](const CompareSite& site) { return site.name; }));
  put(file, layout::site_options, collect(record.sites, [](const CompareSite& site) { return joined(site.options); }));
  const auto& budgets = record.budgets;
  file.create_group(layout::budgets);
  put(file, layout::budget_name, collect(budgets, [](const CompareBudget& budget) { return budget.name; }));
  put(file, layout::budget_bytes, collect(budgets, [](const CompareBudget& budget) { return budget.bytes; }));
  put(file, layout::budget_bits, collect(budgets, [](const CompareBudget& budget) { return budget.bits_per_weight; }));
  put(file, layout::uniform_name, collect(budgets, [](const CompareBudget& budget) {
        return budget.uniform ? budget.uniform->name : std::string();
      }));
  put(file, layout::uniform_bytes, collect(budgets, [](const CompareBudget& budget) {
        return budget.uniform ? budget.uniform->bytes : std::int64_t{0};
      }));
  const auto uniform_kl = [](const CompareBudget& budget) {
    return budget.uniform ? budget.uniform->window_kl : std::vector<double>();
  };
  put_rows(file, layout::uniform_window_kl, budgets, uniform_kl, static_cast<std::size_t>(record.holdout_windows),
           no_value);
}

void put_cells(H5File& file, const CompareRecord& record, const CompareSummary& summary) {
  const auto& cells = record.cells;
  file.create_group(layout::cells);
  put(file, layout::cell_budget,
      collect(cells, [](const CompareCell& cell) { return static_cast<std::int64_t>(cell.budget); }));
  put(file, layout::cell_algorithm, collect(cells, [](const CompareCell& cell) { return cell.algorithm; }));
  put(file, layout::cell_seed,
      collect(cells, [](const CompareCell& cell) { return static_cast<std::int64_t>(cell.seed); }));
  const auto derived = [&](const Column& column, auto field) { put(file, column, collect(summary.cells, field)); };
  derived(layout::cell_kl_mean, [](const CellSummary& cell) { return cell.kl.mean; });
  derived(layout::cell_kl_stderr, [](const CellSummary& cell) { return cell.kl_stderr; });
  derived(layout::cell_kl_low, [](const CellSummary& cell) { return cell.kl.low; });
  derived(layout::cell_kl_high, [](const CellSummary& cell) { return cell.kl.high; });
  const auto difference = [](double Interval::*end) {
    return [end](const CellSummary& cell) { return cell.over_reference ? (*cell.over_reference).*end : no_value; };
  };
  derived(layout::cell_difference, difference(&Interval::mean));
  derived(layout::cell_difference_low, difference(&Interval::low));
  derived(layout::cell_difference_high, difference(&Interval::high));
  put(file, layout::cell_tokens_asked, collect(cells, [](const CompareCell& cell) { return cell.tokens_asked; }));
  put(file, layout::cell_tokens_to_answer,
      collect(cells, [](const CompareCell& cell) { return cell.tokens_to_answer; }));
  derived(layout::cell_tokens_to_evopress,
          [](const CellSummary& cell) { return cell.tokens_to_evopress.value_or(-1); });
  put(file, layout::cell_seconds, collect(cells, [](const CompareCell& cell) { return cell.seconds; }));
  put(file, layout::cell_bytes, collect(cells, [](const CompareCell& cell) { return cell.bytes; }));
  put(file, layout::cell_perplexity, collect(cells, [](const CompareCell& cell) { return cell.perplexity; }));
  const auto recipe = [](const CompareCell& cell) -> const Recipe& { return cell.recipe; };
  const auto window_kl = [](const CompareCell& cell) -> const std::vector<double>& { return cell.window_kl; };
  put_rows(file, layout::cell_recipe, cells, recipe, record.sites.size(), std::uint8_t{0});
  put_rows(file, layout::cell_window_kl, cells, window_kl, static_cast<std::size_t>(record.holdout_windows), no_value);
}

void put_trajectory(H5File& file, const CompareRecord& record) {
  std::vector<std::int64_t> owners;
  std::vector<ComparePoint> points;
  for (std::size_t c = 0; c < record.cells.size(); ++c) {
    const auto& part = record.cells[c].trajectory;
    owners.insert(owners.end(), part.size(), static_cast<std::int64_t>(c));
    points.insert(points.end(), part.begin(), part.end());
  }
  file.create_group(layout::trajectory);
  put(file, layout::point_cell, owners);
  put(file, layout::point_tokens, collect(points, [](const ComparePoint& point) { return point.tokens; }));
  put(file, layout::point_kl_mean, collect(points, [](const ComparePoint& point) { return point.kl.mean; }));
  put(file, layout::point_kl_stderr,
      collect(points, [](const ComparePoint& point) { return point.kl.stderr_of_mean; }));
}

void expect(const H5File& file, bool sound, const char* what) {
  VALIDATE(sound, file.path().string(), " is damaged: ", what);
}

void get_sites_and_budgets(const H5File& file, CompareRecord& record) {
  const Table sites(file, layout::site_name);
  const auto name = sites.read<std::string>(layout::site_name);
  const auto options = sites.read<std::string>(layout::site_options);
  for (std::size_t s = 0; s < sites.rows(); ++s) record.sites.push_back({name[s], split(options[s])});

  const Table budgets(file, layout::budget_name);
  const auto budget_name = budgets.read<std::string>(layout::budget_name);
  const auto bytes = budgets.read<std::int64_t>(layout::budget_bytes);
  const auto bits = budgets.read<double>(layout::budget_bits);
  const auto uniform = budgets.read<std::string>(layout::uniform_name);
  const auto uniform_bytes = budgets.read<std::int64_t>(layout::uniform_bytes);
  auto uniform_kl =
      budgets.read_rows<double>(layout::uniform_window_kl, static_cast<std::size_t>(record.holdout_windows));
  for (std::size_t b = 0; b < budgets.rows(); ++b) {
    CompareBudget& budget = record.budgets.emplace_back();
    budget.name = budget_name[b];
    budget.bytes = bytes[b];
    budget.bits_per_weight = bits[b];
    if (!uniform[b].empty()) budget.uniform = CompareUniform{uniform[b], uniform_bytes[b], std::move(uniform_kl[b])};
  }
}

void get_cells(const H5File& file, CompareRecord& record) {
  const Table cells(file, layout::cell_budget);
  const auto budget = cells.read<std::int64_t>(layout::cell_budget);
  const auto algorithm = cells.read<std::string>(layout::cell_algorithm);
  const auto seed = cells.read<std::int64_t>(layout::cell_seed);
  const auto tokens_asked = cells.read<std::int64_t>(layout::cell_tokens_asked);
  const auto tokens_to_answer = cells.read<std::int64_t>(layout::cell_tokens_to_answer);
  const auto seconds = cells.read<double>(layout::cell_seconds);
  const auto bytes = cells.read<std::int64_t>(layout::cell_bytes);
  const auto perplexity = cells.read<double>(layout::cell_perplexity);
  auto recipe = cells.read_rows<std::uint8_t>(layout::cell_recipe, record.sites.size());
  auto window_kl = cells.read_rows<double>(layout::cell_window_kl, static_cast<std::size_t>(record.holdout_windows));
  for (std::size_t c = 0; c < cells.rows(); ++c) {
    expect(file, budget[c] >= 0 && budget[c] < std::ssize(record.budgets), "a cell of a budget that is not there");
    for (std::size_t s = 0; s < record.sites.size(); ++s) {
      expect(file, recipe[c][s] < record.sites[s].options.size(), "a recipe does not fit /sites");
    }
    record.cells.push_back({.budget = static_cast<std::size_t>(budget[c]),
                            .algorithm = algorithm[c],
                            .seed = static_cast<std::uint64_t>(seed[c]),
                            .tokens_asked = tokens_asked[c],
                            .tokens_to_answer = tokens_to_answer[c],
                            .seconds = seconds[c],
                            .recipe = std::move(recipe[c]),
                            .bytes = bytes[c],
                            .window_kl = std::move(window_kl[c]),
                            .perplexity = perplexity[c],
                            .trajectory = {}});
  }
  const Table points(file, layout::point_cell);
  const auto owner = points.read<std::int64_t>(layout::point_cell);
  const auto tokens = points.read<std::int64_t>(layout::point_tokens);
  const auto kl_mean = points.read<double>(layout::point_kl_mean);
  const auto kl_stderr = points.read<double>(layout::point_kl_stderr);
  for (std::size_t p = 0; p < points.rows(); ++p) {
    expect(file, owner[p] >= 0 && owner[p] < std::ssize(record.cells), "a point of a cell that is not there");
    record.cells[static_cast<std::size_t>(owner[p])].trajectory.push_back({tokens[p], {kl_mean[p], kl_stderr[p]}});
  }
}

}  // namespace

void write_compare_file(const std::filesystem::path& path, const CompareRecord& record) {
  const CompareSummary summary = summarize(record);
  H5File file = H5File::create(path);
  put_head(file, record, summary.reference);
  put_sites_and_budgets(file, record);
  put_cells(file, record, summary);
  put_trajectory(file, record);
  file.commit();
}

CompareRecord read_compare_file(const std::filesystem::path& path) {
  const H5File file = H5File::open(path);
  h5::check_format(file, layout::format, layout::version, "comparison file");
  CompareRecord record;
  record.yaml = file.string_attribute("/", layout::yaml);
  record.identity = file.string_attribute("/", layout::identity);
  record.tokens = file.int_attribute("/", layout::tokens);
  record.window_length = file.int_attribute("/", layout::window_length);
  record.search_windows = file.int_attribute("/", layout::search_windows);
  record.holdout_windows = file.int_attribute("/", layout::holdout_windows);
  record.digest = file.string_attribute("/", layout::digest);
  record.provenance = h5::get_provenance(file);
  record.algorithms = Table(file, layout::algorithms).read<std::string>(layout::algorithms);
  expect(file, !record.algorithms.empty(), "no algorithms");
  for (const std::int64_t seed : Table(file, layout::seeds).read<std::int64_t>(layout::seeds))
    record.seeds.push_back(static_cast<std::uint64_t>(seed));
  get_sites_and_budgets(file, record);
  get_cells(file, record);
  return record;
}

bool is_compare_file(const std::filesystem::path& path) {
  return h5::has_format(H5File::open(path), layout::format);
}

}  // namespace pare::search
