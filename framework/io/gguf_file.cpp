// SPDX-License-Identifier: Apache-2.0
#include "framework/io/gguf_file.hpp"

#include <cmath>

#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

GgufFile::GgufFile(const std::filesystem::path& path)
    : mapped_(path), header_(parse_gguf(mapped_.bytes(), path.string())) {
  for (std::size_t i = 0; i < header_.tensors.size(); ++i) index_[header_.tensors[i].name] = i;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.tensors[found->second];
}

const GgufTensor& GgufFile::at(std::string_view name) const {
  if (const GgufTensor* const tensor = find(name)) return *tensor;
  std::vector<std::string> names;
  for (const GgufTensor& tensor : header_.tensors) names.push_back(tensor.name);
  throw InputError(path().string() + ": tensor '" + printable(name) + "' is missing" + did_you_mean(name, names));
}

std::span<const std::byte> GgufFile::bytes(const GgufTensor& tensor) const {
  return mapped_.bytes().subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.bytes));
}

const GgufValue& GgufFile::value(const std::string& key) const {
  const GgufValue* const value = keys().find(key);
  VALIDATE(value != nullptr, path().string(), ": key '", key, "' is missing");
  return *value;
}

std::int64_t GgufFile::whole(const std::string& key, std::int64_t least, std::int64_t most) const {
  const GgufValue& found = value(key);
  const auto number = found.as_whole();
  VALIDATE(number && *number >= least && *number <= most, path().string(), ": key '", key, "' is ", found.describe(),
           ", should be a whole number from ", least, " to ", most);
  return *number;
}

double GgufFile::number(const std::string& key) const {
  const GgufValue& found = value(key);
  const auto number = found.as_number();
  VALIDATE(number && std::isfinite(*number), path().string(), ": key '", key, "' is ", found.describe(),
           ", should be a number");
  return *number;
}

std::string GgufFile::text(const std::string& key) const {
  const GgufValue& found = value(key);
  const auto text = found.as_text();
  VALIDATE(text, path().string(), ": key '", key, "' is ", found.describe(), ", should be a text");
  return *text;
}

}  // namespace pare::framework
