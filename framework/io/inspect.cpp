// SPDX-License-Identifier: Apache-2.0
#include "framework/io/inspect.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/io/gguf_file.hpp"
#include "framework/io/h5_file.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/io/safetensors.hpp"

namespace pare::framework {
namespace {

/// Characters, not bytes: names may hold any UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string describe_token_file(const H5File& file) {
  const std::int64_t tokens = file.shape("/tokens").at(0);
  const std::int64_t documents = file.shape("/doc_offsets").at(0) - 1;
  std::string text = fmt::format("token file: {} tokens, {} documents", tokens, documents);
  if (file.has_attribute("/", "vocab_size"))
    text += fmt::format(", vocabulary {}", file.int_attribute("/", "vocab_size"));
  return text + "\n";
}

bool is_token_file(const H5File& file) {
  const auto is_list = [&](const char* name) { return file.contains(name) && file.shape(name).size() == 1; };
  return is_list("/tokens") && is_list("/doc_offsets");
}

}  // namespace

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : value < 100 ? 1 : 0, units[unit]);
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += "  " + row[c];
      if (c + 1 < row.size()) line.append(widths[c] - width_of(row[c]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string describe_safetensors(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  const SafetensorsHeader header = parse_safetensors(mapped.bytes(), file.string());
  std::vector<std::vector<std::string>> rows;
  std::int64_t bytes = 0;
  for (const TensorInfo& tensor : header.tensors) {
    rows.push_back(
        {printable(tensor.name), to_string(tensor.type), shape_text(tensor.shape), human_bytes(tensor.bytes)});
    bytes += tensor.bytes;
  }
  std::string text =
      fmt::format("{}: safetensors, {} tensors, {}\n", file.string(), header.tensors.size(), human_bytes(bytes));
  for (const auto& [key, value] : header.metadata)
    text += fmt::format("metadata {}: {}\n", printable(key), printable(value));
  return text + format_table(rows);
}

std::string describe_gguf(const std::filesystem::path& path) {
  const GgufFile file(path);
  std::vector<std::vector<std::string>> keys, tensors;
  for (const auto& [key, value] : file.keys().list()) keys.push_back({printable(key), value.describe()});
  std::int64_t bytes = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    tensors.push_back(
        {printable(tensor.name), to_string(tensor.type), shape_text(tensor.shape), human_bytes(tensor.bytes)});
    bytes += tensor.bytes;
  }
  return fmt::format("{}: GGUF, {} keys, {} tensors, {}\n", path.string(), keys.size(), tensors.size(),
                     human_bytes(bytes)) +
         format_table(keys) + format_table(tensors);
}

std::string describe_hdf5(const std::filesystem::path& path) {
  const H5File file = H5File::open(path);
  std::vector<std::vector<std::string>> rows;
  for (const H5File::Object& object : file.objects()) {
    rows.push_back(
        {printable(object.name), object.type.value_or("group"), object.type ? shape_text(object.shape) : ""});
    for (const H5File::Attribute& attribute : object.attributes) {
      rows.back().push_back(printable(attribute.key) + ": " + printable(attribute.value));
      rows.push_back({"", "", ""});
    }
    if (!object.attributes.empty()) rows.pop_back();
  }
  return fmt::format("{}: HDF5, {}\n", path.string(),
                     human_bytes(static_cast<std::int64_t>(std::filesystem::file_size(path)))) +
         (is_token_file(file) ? describe_token_file(file) : "") + format_table(rows);
}

}  // namespace pare::framework
