// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pare::framework {

/// The value of a key in a GGUF file. It keeps the bytes of the file, so that writing it again gives the same ones.
class GgufValue {
 public:
  /// By GGUF's numbers.
  enum class Type : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };

  /// `bytes`: the value as in the file, behind its type; of an array, its elements alone.
  GgufValue(Type type, std::vector<std::byte> bytes) : type_(type), element_(type), bytes_(std::move(bytes)) {}
  GgufValue(Type element, std::uint64_t count, std::vector<std::byte> bytes)
      : type_(Type::array), element_(element), count_(count), bytes_(std::move(bytes)) {}

  static GgufValue u32(std::uint32_t value);
  static GgufValue f32(float value);
  static GgufValue boolean(bool value);
  static GgufValue text(std::string_view value);
  static GgufValue texts(const std::vector<std::string>& values);
  static GgufValue i32s(const std::vector<std::int32_t>& values);
  static GgufValue f32s(const std::vector<float>& values);

  Type type() const { return type_; }
  bool is_array() const { return type_ == Type::array; }
  Type element_type() const { return element_; }  ///< of an array; else type()
  std::uint64_t count() const { return count_; }  ///< of an array; else 1
  const std::vector<std::byte>& bytes() const { return bytes_; }

  /// What the value says, where it is of that kind and representable.
  std::optional<std::int64_t> as_whole() const;  ///< of any integer type
  std::optional<double> as_number() const;       ///< of any number type
  std::optional<bool> as_flag() const;
  std::optional<std::string> as_text() const;
  std::optional<std::vector<std::string>> as_texts() const;
  std::optional<std::vector<double>> as_numbers() const;  ///< an array of any number type

  /// For people: "4096", "'llama'", "32000 texts".
  std::string describe() const;

 private:
  Type type_;
  Type element_;
  std::uint64_t count_ = 1;
  std::vector<std::byte> bytes_;
};

/// Bytes of a value of a type; 0: its length is its own (text, array).
std::size_t bytes_of(GgufValue::Type type);
/// Nothing: no type has the number.
std::optional<GgufValue::Type> gguf_value_type_of(std::uint32_t number);

/// The keys of a GGUF file, in their order.
class GgufKeys {
 public:
  const GgufValue* find(std::string_view key) const;  ///< nullptr: it is not there
  /// Replaces the value of a key, or appends the key.
  void set(const std::string& key, GgufValue value);
  /// A key that is known to be new.
  void append(const std::string& key, GgufValue value) { list_.emplace_back(key, std::move(value)); }

  const std::vector<std::pair<std::string, GgufValue>>& list() const { return list_; }

 private:
  std::vector<std::pair<std::string, GgufValue>> list_;
};

}  // namespace pare::framework
