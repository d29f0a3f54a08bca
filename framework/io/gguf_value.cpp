// SPDX-License-Identifier: Apache-2.0
#include "framework/io/gguf_value.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Type = GgufValue::Type;
using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of_values(const T* values, std::size_t count) {
  Bytes bytes(count * sizeof(T));
  if (count > 0) std::memcpy(bytes.data(), values, bytes.size());  // the format and the machine are little-endian
  return bytes;
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

void append_text(std::string_view text, Bytes& bytes) {
  const std::uint64_t length = text.size();
  const Bytes head = bytes_of_values(&length, 1);
  bytes.insert(bytes.end(), head.begin(), head.end());
  const auto* const data = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), data, data + text.size());
}

std::string load_text(const std::byte* from) {
  return {reinterpret_cast<const char*>(from) + sizeof(std::uint64_t), load<std::uint64_t>(from)};
}

std::optional<std::int64_t> load_whole(Type type, const std::byte* from) {
  switch (type) {
    case Type::u8:
      return load<std::uint8_t>(from);
    case Type::i8:
      return load<std::int8_t>(from);
    case Type::u16:
      return load<std::uint16_t>(from);
    case Type::i16:
      return load<std::int16_t>(from);
    case Type::u32:
      return load<std::uint32_t>(from);
    case Type::i32:
      return load<std::int32_t>(from);
    case Type::i64:
      return load<std::int64_t>(from);
    case Type::u64: {
      const auto value = load<std::uint64_t>(from);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> load_number(Type type, const std::byte* from) {
  if (type == Type::f32) return load<float>(from);
  if (type == Type::f64) return load<double>(from);
  if (type == Type::u64) return static_cast<double>(load<std::uint64_t>(from));
  const auto whole = load_whole(type, from);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

}  // namespace

std::size_t bytes_of(Type type) {
  switch (type) {
    case Type::u8:
    case Type::i8:
    case Type::boolean:
      return 1;
    case Type::u16:
    case Type::i16:
      return 2;
    case Type::u32:
    case Type::i32:
    case Type::f32:
      return 4;
    case Type::u64:
    case Type::i64:
    case Type::f64:
      return 8;
    case Type::text:
    case Type::array:
      break;
  }
  return 0;
}

std::optional<Type> gguf_value_type_of(std::uint32_t number) {
  if (number > static_cast<std::uint32_t>(Type::f64)) return std::nullopt;
  return static_cast<Type>(number);
}

GgufValue GgufValue::u32(std::uint32_t value) {
  return {Type::u32, bytes_of_values(&value, 1)};
}
GgufValue GgufValue::f32(float value) {
  return {Type::f32, bytes_of_values(&value, 1)};
}
GgufValue GgufValue::boolean(bool value) {
  return {Type::boolean, {value ? std::byte{1} : std::byte{0}}};
}
GgufValue GgufValue::text(std::string_view value) {
  Bytes bytes;
  append_text(value, bytes);
  return {Type::text, std::move(bytes)};
}
GgufValue GgufValue::texts(const std::vector<std::string>& values) {
  Bytes bytes;
  for (const std::string& value : values) append_text(value, bytes);
  return {Type::text, values.size(), std::move(bytes)};
}
GgufValue GgufValue::i32s(const std::vector<std::int32_t>& values) {
  return {Type::i32, values.size(), bytes_of_values(values.data(), values.size())};
}
GgufValue GgufValue::f32s(const std::vector<float>& values) {
  return {Type::f32, values.size(), bytes_of_values(values.data(), values.size())};
}

std::optional<std::int64_t> GgufValue::as_whole() const {
  return load_whole(type_, bytes_.data());
}

std::optional<double> GgufValue::as_number() const {
  return load_number(type_, bytes_.data());
}

std::optional<bool> GgufValue::as_flag() const {
  if (type_ != Type::boolean) return std::nullopt;
  return bytes_[0] != std::byte{0};
}

std::optional<std::string> GgufValue::as_text() const {
  if (type_ != Type::text) return std::nullopt;
  return load_text(bytes_.data());
}

std::optional<std::vector<std::string>> GgufValue::as_texts() const {
  if (!is_array() || element_ != Type::text) return std::nullopt;
  std::vector<std::string> list;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < count_; ++i) {
    list.push_back(load_text(bytes_.data() + at));
    at += sizeof(std::uint64_t) + list.back().size();
  }
  return list;
}

std::optional<std::vector<double>> GgufValue::as_numbers() const {
  const std::size_t width = framework::bytes_of(element_);
  if (!is_array() || width == 0 || element_ == Type::boolean) return std::nullopt;
  std::vector<double> list;
  for (std::uint64_t i = 0; i < count_; ++i)
    list.push_back(load_number(element_, bytes_.data() + i * width).value_or(0));
  return list;
}

std::string GgufValue::describe() const {
  if (is_array()) {
    const char* const what = element_ == Type::text ? "texts" : element_ == Type::boolean ? "flags" : "numbers";
    return fmt::format("{} {}", count_, what);
  }
  if (const auto flag = as_flag()) return *flag ? "true" : "false";
  if (const auto text = as_text()) return "'" + printable(*text) + "'";
  if (const auto whole = as_whole()) return fmt::format("{}", *whole);
  return fmt::format("{:.7g}", as_number().value_or(0));
}

const GgufValue* GgufKeys::find(std::string_view key) const {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const auto& entry) { return entry.first == key; });
  return found == list_.end() ? nullptr : &found->second;
}

void GgufKeys::set(const std::string& key, GgufValue value) {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const auto& entry) { return entry.first == key; });
  if (found == list_.end()) {
    append(key, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

}  // namespace pare::framework
