// SPDX-License-Identifier: Apache-2.0
#include "search/store/h5_columns.hpp"

#include <set>
#include <sstream>

namespace pare::search::h5 {
namespace {

using framework::H5File;
using schema::Column;

std::int64_t length(const H5File& file, const Column& column) {
  const std::vector<std::int64_t> shape = file.shape(column.path);
  VALIDATE(!shape.empty(), file.path().string(), ": ", column.path, " is damaged: it is not a column");
  return shape.front();
}

}  // namespace

void put_text(H5File& file, const char* object, const std::string& key, const std::string& text) {
  VALIDATE(text.size() <= schema::longest_text, file.path().string(), ": ", key,
           " is too long for a run file: ", text.size(), " bytes of at most ", schema::longest_text);
  file.set_attribute(object, key, text);
}

void put_provenance(H5File& file, const Provenance& provenance) {
  file.create_group(schema::provenance);
  std::string keys;
  std::set<std::string> seen{schema::provenance_keys, ""};
  for (const auto& [key, value] : provenance) {
    const bool is_new = seen.insert(key).second;
    VALIDATE(is_new && key.find('\n') == std::string::npos, file.path().string(), ": provenance cannot have the key '",
             key, "': it is empty, taken, or has several lines");
    put_text(file, schema::provenance, key, value);
    keys += key + "\n";
  }
  put_text(file, schema::provenance, schema::provenance_keys, keys);
}

Provenance get_provenance(const H5File& file) {
  Provenance provenance;
  std::istringstream keys(file.string_attribute(schema::provenance, schema::provenance_keys));
  for (std::string key; std::getline(keys, key);)
    provenance.emplace_back(key, file.string_attribute(schema::provenance, key));
  return provenance;
}

bool has_format(const H5File& file, const char* format) {
  return file.has_attribute("/", "format") && file.string_attribute("/", "format") == format;
}

void check_format(const H5File& file, const char* format, std::int64_t version, const char* what) {
  VALIDATE(has_format(file, format), file.path().string(), ": this is no ", what, " of pare");
  const std::int64_t found = file.int_attribute("/", "version");
  VALIDATE(found == version, file.path().string(), ": ", what, " version ", found, ", this pare reads version ",
           version);
}

Table::Table(const H5File& file, const Column& first) : file_(file), rows_(length(file, first)) {}

std::vector<std::int64_t> Table::check_shape(const Column& column, std::size_t dimensions) const {
  VALIDATE(length(file_, column) == rows_, file_.path().string(), ": ", column.path,
           " is damaged: ", length(file_, column), " rows beside columns of ", rows_);
  std::vector<std::int64_t> shape = file_.shape(column.path);
  VALIDATE(shape.size() == dimensions, file_.path().string(), ": ", column.path, " is damaged: it has ", shape.size(),
           " dimensions, not ", dimensions);
  return shape;
}

}  // namespace pare::search::h5
