// SPDX-License-Identifier: Apache-2.0
#include "framework/model/config_json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework::detail {

ConfigObject::ConfigObject(const Json& object, const std::string& source, std::string path)
    : object_(&object), source_(&source), path_(std::move(path)) {
  VALIDATE(object.is_object(), source, ": ", path_, path_.empty() ? "" : " ", "should be a JSON object");
}

const Json* ConfigObject::find(const std::string& key) const {
  const auto value = object_->find(key);
  return value == object_->end() || value->is_null() ? nullptr : &*value;
}

bool ConfigObject::has_objects() const {
  return std::any_of(object_->begin(), object_->end(), [](const Json& value) { return value.is_object(); });
}

bool ConfigObject::is_null(const std::string& key) const {
  const auto value = object_->find(key);
  return value != object_->end() && value->is_null();
}

std::optional<std::int64_t> ConfigObject::whole(const std::string& key, std::int64_t least, std::int64_t most) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool is_whole =
      value->is_number_integer() &&
      (!value->is_number_unsigned() ||
       value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!is_whole || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
    fail(key, fmt::format("should be a whole number from {} to {}, is {}", least, most, printable(value->dump())));
  }
  return value->get<std::int64_t>();
}

std::optional<double> ConfigObject::number(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    fail(key, "should be a number, is " + printable(value->dump()));
  }
  return value->get<double>();
}

std::optional<bool> ConfigObject::flag(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(key, "should be true or false, is " + printable(value->dump()));
  return value->get<bool>();
}

std::optional<std::string> ConfigObject::text(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(key, "should be a text, is " + printable(value->dump()));
  return value->get<std::string>();
}

std::optional<ConfigObject> ConfigObject::object(const std::string& key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail(key, "should be an object, is " + printable(value->dump()));
  return ConfigObject(*value, *source_, path_ + key + ".");
}

void ConfigObject::fail(const std::string& key, const std::string& text) const {
  throw InputError(*source_ + ": " + path_ + key + ": " + text);
}

}  // namespace pare::framework::detail
