// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/io/gguf.hpp"
#include "framework/io/mapped_file.hpp"

namespace pare::framework {

/// A GGUF file, mapped. Movable; immutable, so safe for any number of threads. Throws InputError as parse_gguf does.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return mapped_.path(); }
  const GgufKeys& keys() const { return header_.keys; }
  const std::vector<GgufTensor>& tensors() const { return header_.tensors; }

  const GgufTensor* find(std::string_view name) const;  ///< nullptr: it is not there
  const GgufTensor& at(std::string_view name) const;    ///< throws InputError naming the file and the nearest name
  std::span<const std::byte> bytes(const GgufTensor& tensor) const;

  /// Values of keys that must be there and of that kind.
  std::int64_t whole(const std::string& key, std::int64_t least, std::int64_t most) const;
  double number(const std::string& key) const;
  std::string text(const std::string& key) const;

 private:
  const GgufValue& value(const std::string& key) const;

  MappedFile mapped_;
  GgufHeader header_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace pare::framework
