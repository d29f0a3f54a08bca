// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "framework/io/json.hpp"

namespace pare::framework::detail {

/// An object of config.json whose getters name file and key when a value is missing or of the wrong kind. A
/// key with the value null is a missing key to all of them but is_null().
class ConfigObject {
 public:
  /// `path` is "" for the whole document, else the key of this object and a dot.
  ConfigObject(const Json& object, const std::string& source, std::string path = "");

  bool has(const std::string& key) const { return find(key) != nullptr; }
  bool has_objects() const;  ///< among its values
  bool is_null(const std::string& key) const;
  const Json* find(const std::string& key) const;  ///< nullptr: missing or null

  std::optional<std::int64_t> whole(const std::string& key, std::int64_t least, std::int64_t most) const;
  std::optional<double> number(const std::string& key) const;  ///< finite
  std::optional<bool> flag(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  std::optional<ConfigObject> object(const std::string& key) const;

  /// The value of a key that must be there.
  template <class T>
  T need(const std::string& key, const std::optional<T>& value) const {
    if (!value) fail(key, "is missing");
    return *value;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& text) const;

 private:
  const Json* object_;
  const std::string* source_;
  std::string path_;
};

}  // namespace pare::framework::detail
