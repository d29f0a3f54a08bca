// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/store/schema.hpp"

/// Rows of structs as columns of an HDF5 file and back, as run.h5 and compare.h5 have them. All throw InputError naming
/// file and column.
namespace pare::search::h5 {

/// One value a row: field(row).
template <class Row, class Field>
auto collect(const std::vector<Row>& rows, Field field) {
  std::vector<std::decay_t<std::invoke_result_t<Field, const Row&>>> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(field(row));
  return values;
}

template <class T>
void put(framework::H5File& file, const schema::Column& column, const std::vector<T>& values) {
  file.write(column.path, values);
  file.describe(column.path, column.units, column.description);
}

/// [rows, width]: the vector field(row) in each row, filled up with `padding`.
template <class Row, class Field, class T>
void put_rows(framework::H5File& file, const schema::Column& column, const std::vector<Row>& rows, Field field,
              std::size_t width, T padding) {
  std::vector<T> values(rows.size() * width, padding);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::vector<T>& row = field(rows[r]);
    EXPECT(row.size() <= width, column.path, ": ", row.size(), " values in row ", r);
    std::copy(row.begin(), row.end(), values.begin() + static_cast<std::ptrdiff_t>(r * width));
  }
  const kernels::MatrixView<const T> view(values.data(), std::ssize(rows), static_cast<std::int64_t>(width));
  file.write(column.path, view, true);
  file.describe(column.path, column.units, column.description);
}

void put_text(framework::H5File& file, const char* object, const std::string& key, const std::string& text);

using Provenance = std::vector<std::pair<std::string, std::string>>;
void put_provenance(framework::H5File& file, const Provenance& provenance);
Provenance get_provenance(const framework::H5File& file);

bool has_format(const framework::H5File& file, const char* format);
/// what: "run file", for the message.
void check_format(const framework::H5File& file, const char* format, std::int64_t version, const char* what);

/// Columns of one group, which have to be equally long.
class Table {
 public:
  /// file must outlive the table.
  Table(const framework::H5File& file, const schema::Column& first);

  std::size_t rows() const { return static_cast<std::size_t>(rows_); }

  /// One value a row.
  template <class T>
  std::vector<T> read(const schema::Column& column) const {
    check_shape(column, 1);
    if constexpr (std::is_same_v<T, std::string>)
      return file_.read_strings(column.path);
    else
      return file_.read<T>(column.path);
  }

  /// Every row as a vector of its own; of that width, where one is given.
  template <class T>
  std::vector<std::vector<T>> read_rows(const schema::Column& column, std::optional<std::size_t> width = {}) const {
    const std::int64_t columns = check_shape(column, 2).back();
    VALIDATE(!width || columns == static_cast<std::int64_t>(*width) || rows_ == 0, file_.path().string(), ": ",
             column.path, " is damaged: ", columns, " values a row instead of ", *width);
    const std::vector<T> values = file_.read<T>(column.path);
    std::vector<std::vector<T>> rows;
    for (std::int64_t r = 0; r < rows_; ++r)
      rows.emplace_back(values.begin() + r * columns, values.begin() + (r + 1) * columns);
    return rows;
  }

 private:
  std::vector<std::int64_t> check_shape(const schema::Column& column, std::size_t dimensions) const;

  const framework::H5File& file_;
  std::int64_t rows_;
};

}  // namespace pare::search::h5
