// SPDX-License-Identifier: Apache-2.0
#include "search/store/compare_file.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <type_traits>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/objective/compare_summary.hpp"
#include "search/store/compare_schema.hpp"

namespace pare::search {
namespace {

namespace layout = compare_schema;
using framework::H5File;
using schema::Column;

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

template <class T>
void put(H5File& file, const Column& column, const std::vector<T>& values) {
  file.write(column.path, values);
  file.describe(column.path, column.units, column.description);
}

/// One value a row: field(row).
template <class Row, class Field>
void put(H5File& file, const Column& column, const std::vector<Row>& rows, Field field) {
  std::vector<std::decay_t<std::invoke_result_t<Field, const Row&>>> values;
  for (const Row& row : rows) values.push_back(field(row));
  put(file, column, values);
}

/// [rows, width] of the vectors field(row), each of that width or empty: then filled up with `padding`.
template <class T, class Row, class Field>
void put_rows(H5File& file, const Column& column, const std::vector<Row>& rows, std::size_t width, T padding,
              Field field) {
  std::vector<T> values;
  for (const Row& row : rows) {
    const std::vector<T> part = field(row);
    EXPECT(part.empty() || part.size() == width, column.path, ": ", part.size(), " values of ", width);
    values.insert(values.end(), part.begin(), part.end());
    if (part.empty()) values.insert(values.end(), width, padding);
  }
  file.write(column.path,
             kernels::MatrixView<const T>(values.data(), std::ssize(rows), static_cast<std::int64_t>(width)), true);
  file.describe(column.path, column.units, column.description);
}

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
  VALIDATE(record.yaml.size() <= schema::longest_text, file.path().string(),
           ": the experiment is too long: ", record.yaml.size(), " bytes of at most ", schema::longest_text);
  file.set_attribute("/", layout::yaml, record.yaml);
  file.set_attribute("/", layout::identity, record.identity);
  file.set_attribute("/", layout::tokens, record.tokens);
  file.set_attribute("/", layout::window_length, record.window_length);
  file.set_attribute("/", layout::search_windows, record.search_windows);
  file.set_attribute("/", layout::holdout_windows, record.holdout_windows);
  file.set_attribute("/", layout::reference, reference);
  file.set_attribute("/", layout::digest, record.digest);
  put(file, layout::algorithms, record.algorithms);
  put(file, layout::seeds, record.seeds, [](std::uint64_t seed) { return static_cast<std::int64_t>(seed); });
  file.create_group(schema::provenance);
  std::string keys;
  for (const auto& [key, value] : record.provenance) {
    file.set_attribute(schema::provenance, key, value);
    keys += key + "\n";
  }
  file.set_attribute(schema::provenance, schema::provenance_keys, keys);
}

void put_sites_and_budgets(H5File& file, const CompareRecord& record) {
  file.create_group(layout::sites);
  put(file, layout::site_name, record.sites, [](const CompareSite& site) { return site.name; });
  put(file, layout::site_options, record.sites, [](const CompareSite& site) { return joined(site.options); });
  const auto& budgets = record.budgets;
  file.create_group(layout::budgets);
  put(file, layout::budget_name, budgets, [](const CompareBudget& budget) { return budget.name; });
  put(file, layout::budget_bytes, budgets, [](const CompareBudget& budget) { return budget.bytes; });
  put(file, layout::budget_bits, budgets, [](const CompareBudget& budget) { return budget.bits_per_weight; });
  put(file, layout::uniform_name, budgets,
      [](const CompareBudget& budget) { return budget.uniform ? budget.uniform->name : std::string(); });
  put(file, layout::uniform_bytes, budgets,
      [](const CompareBudget& budget) { return budget.uniform ? budget.uniform->bytes : std::int64_t{0}; });
  put_rows(
      file, layout::uniform_window_kl, budgets, static_cast<std::size_t>(record.holdout_windows), no_value,
      [](const CompareBudget& budget) { return budget.uniform ? budget.uniform->window_kl : std::vector<double>(); });
}

void put_cells(H5File& file, const CompareRecord& record, const CompareSummary& summary) {
  const auto& cells = record.cells;
  file.create_group(layout::cells);
  put(file, layout::cell_budget, cells, [](const CompareCell& cell) { return static_cast<std::int64_t>(cell.budget); });
  put(file, layout::cell_algorithm, cells, [](const CompareCell& cell) { return cell.algorithm; });
  put(file, layout::cell_seed, cells, [](const CompareCell& cell) { return static_cast<std::int64_t>(cell.seed); });
  const auto derived = [&](const Column& column, auto field) { put(file, column, summary.cells, field); };
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
  put(file, layout::cell_tokens_asked, cells, [](const CompareCell& cell) { return cell.tokens_asked; });
  put(file, layout::cell_tokens_to_answer, cells, [](const CompareCell& cell) { return cell.tokens_to_answer; });
  derived(layout::cell_tokens_to_evopress,
          [](const CellSummary& cell) { return cell.tokens_to_evopress.value_or(-1); });
  put(file, layout::cell_seconds, cells, [](const CompareCell& cell) { return cell.seconds; });
  put(file, layout::cell_bytes, cells, [](const CompareCell& cell) { return cell.bytes; });
  put(file, layout::cell_perplexity, cells, [](const CompareCell& cell) { return cell.perplexity; });
  put_rows(file, layout::cell_recipe, cells, record.sites.size(), std::uint8_t{0},
           [](const CompareCell& cell) { return cell.recipe; });
  put_rows(file, layout::cell_window_kl, cells, static_cast<std::size_t>(record.holdout_windows), no_value,
           [](const CompareCell& cell) { return cell.window_kl; });
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
  put(file, layout::point_tokens, points, [](const ComparePoint& point) { return point.tokens; });
  put(file, layout::point_kl_mean, points, [](const ComparePoint& point) { return point.kl.mean; });
  put(file, layout::point_kl_stderr, points, [](const ComparePoint& point) { return point.kl.stderr_of_mean; });
}

/// Reads columns and checks that those of a group have one length.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : file_(H5File::open(path)) {
    VALIDATE(file_.has_attribute("/", "format") && file_.string_attribute("/", "format") == layout::format,
             path.string(), ": this is no comparison file of pare");
    const std::int64_t version = file_.int_attribute("/", "version");
    VALIDATE(version == layout::version, path.string(), ": comparison file version ", version,
             ", this pare reads version ", layout::version);
  }

  const H5File& file() const { return file_; }

  template <class T>
  std::vector<T> column(const Column& column, std::size_t rows) const {
    check(column, rows, 1);
    return file_.read<T>(column.path);
  }
  std::vector<std::string> texts(const Column& column, std::size_t rows) const {
    check(column, rows, 1);
    return file_.read_strings(column.path);
  }
  /// [rows, width], one vector a row.
  template <class T>
  std::vector<std::vector<T>> matrix(const Column& column, std::size_t rows, std::int64_t width) const {
    check(column, rows, 2);
    VALIDATE(rows == 0 || file_.shape(column.path)[1] == width, file_.path().string(), ": ", column.path,
             " is damaged: ", file_.shape(column.path)[1], " columns instead of ", width);
    const std::vector<T> values = file_.read<T>(column.path);
    std::vector<std::vector<T>> result;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(r) * width;
      result.emplace_back(begin, begin + width);
    }
    return result;
  }
  std::size_t rows(const Column& column) const {
    const auto shape = file_.shape(column.path);
    VALIDATE(!shape.empty(), file_.path().string(), ": ", column.path, " is damaged: it is not a column");
    return static_cast<std::size_t>(shape.front());
  }
  void expect(bool sound, const char* what) const { VALIDATE(sound, file_.path().string(), " is damaged: ", what); }

 private:
  void check(const Column& column, std::size_t rows, std::size_t dimensions) const {
    const auto shape = file_.shape(column.path);
    VALIDATE(shape.size() == dimensions && shape.front() == static_cast<std::int64_t>(rows), file_.path().string(),
             ": ", column.path, " is damaged: not ", rows, " rows beside the other columns");
  }

  H5File file_;
};

void get_sites_and_budgets(const Reader& reader, CompareRecord& record) {
  const std::size_t sites = reader.rows(layout::site_name);
  const auto name = reader.texts(layout::site_name, sites);
  const auto options = reader.texts(layout::site_options, sites);
  for (std::size_t s = 0; s < sites; ++s) record.sites.push_back({name[s], split(options[s])});

  const std::size_t budgets = reader.rows(layout::budget_name);
  const auto budget_name = reader.texts(layout::budget_name, budgets);
  const auto bytes = reader.column<std::int64_t>(layout::budget_bytes, budgets);
  const auto bits = reader.column<double>(layout::budget_bits, budgets);
  const auto uniform = reader.texts(layout::uniform_name, budgets);
  const auto uniform_bytes = reader.column<std::int64_t>(layout::uniform_bytes, budgets);
  auto uniform_kl = reader.matrix<double>(layout::uniform_window_kl, budgets, record.holdout_windows);
  for (std::size_t b = 0; b < budgets; ++b) {
    CompareBudget& budget = record.budgets.emplace_back();
    budget.name = budget_name[b];
    budget.bytes = bytes[b];
    budget.bits_per_weight = bits[b];
    if (!uniform[b].empty()) budget.uniform = CompareUniform{uniform[b], uniform_bytes[b], std::move(uniform_kl[b])};
  }
}

void get_cells(const Reader& reader, CompareRecord& record) {
  const std::size_t cells = reader.rows(layout::cell_budget);
  const auto budget = reader.column<std::int64_t>(layout::cell_budget, cells);
  const auto algorithm = reader.texts(layout::cell_algorithm, cells);
  const auto seed = reader.column<std::int64_t>(layout::cell_seed, cells);
  const auto tokens_asked = reader.column<std::int64_t>(layout::cell_tokens_asked, cells);
  const auto tokens_to_answer = reader.column<std::int64_t>(layout::cell_tokens_to_answer, cells);
  const auto seconds = reader.column<double>(layout::cell_seconds, cells);
  const auto bytes = reader.column<std::int64_t>(layout::cell_bytes, cells);
  const auto perplexity = reader.column<double>(layout::cell_perplexity, cells);
  auto recipe = reader.matrix<std::uint8_t>(layout::cell_recipe, cells, std::ssize(record.sites));
  auto window_kl = reader.matrix<double>(layout::cell_window_kl, cells, record.holdout_windows);
  for (std::size_t c = 0; c < cells; ++c) {
    reader.expect(budget[c] >= 0 && budget[c] < std::ssize(record.budgets), "a cell of a budget that is not there");
    for (std::size_t s = 0; s < record.sites.size(); ++s) {
      reader.expect(recipe[c][s] < record.sites[s].options.size(), "a recipe does not fit /sites");
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
  const std::size_t points = reader.rows(layout::point_cell);
  const auto owner = reader.column<std::int64_t>(layout::point_cell, points);
  const auto tokens = reader.column<std::int64_t>(layout::point_tokens, points);
  const auto kl_mean = reader.column<double>(layout::point_kl_mean, points);
  const auto kl_stderr = reader.column<double>(layout::point_kl_stderr, points);
  for (std::size_t p = 0; p < points; ++p) {
    reader.expect(owner[p] >= 0 && owner[p] < std::ssize(record.cells), "a point of a cell that is not there");
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
  const Reader reader(path);
  const H5File& file = reader.file();
  CompareRecord record;
  record.yaml = file.string_attribute("/", layout::yaml);
  record.identity = file.string_attribute("/", layout::identity);
  record.tokens = file.int_attribute("/", layout::tokens);
  record.window_length = file.int_attribute("/", layout::window_length);
  record.search_windows = file.int_attribute("/", layout::search_windows);
  record.holdout_windows = file.int_attribute("/", layout::holdout_windows);
  record.digest = file.string_attribute("/", layout::digest);
  std::istringstream keys(file.string_attribute(schema::provenance, schema::provenance_keys));
  for (std::string key; std::getline(keys, key);) {
    record.provenance.emplace_back(key, file.string_attribute(schema::provenance, key));
  }
  record.algorithms = reader.texts(layout::algorithms, reader.rows(layout::algorithms));
  reader.expect(!record.algorithms.empty(), "no algorithms");
  for (const std::int64_t seed : reader.column<std::int64_t>(layout::seeds, reader.rows(layout::seeds))) {
    record.seeds.push_back(static_cast<std::uint64_t>(seed));
  }
  get_sites_and_budgets(reader, record);
  get_cells(reader, record);
  return record;
}

bool is_compare_file(const std::filesystem::path& path) {
  const H5File file = H5File::open(path);
  return file.has_attribute("/", "format") && file.string_attribute("/", "format") == layout::format;
}

}  // namespace pare::search
