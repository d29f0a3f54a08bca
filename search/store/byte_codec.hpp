// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::search {

static_assert(std::endian::native == std::endian::little, "stored bytes are little-endian and are copied as they are");

/// Types that are stored as their own bytes. Enumerations are not among them: whoever reads one checks its
/// value.
template <class T>
concept StoredNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

/// Builds a byte string: numbers as little-endian bytes, arrays and strings behind a 32-bit count of
/// elements. No padding.
class ByteWriter {
 public:
  template <StoredNumber T>
  void number(T value) {
    append(&value, sizeof value);
  }

  void string(std::string_view text) { array(std::span(text)); }

  template <class T, std::size_t extent>
  requires StoredNumber<std::remove_cv_t<T>>
  void array(std::span<T, extent> values) {
    EXPECT(values.size() <= std::numeric_limits<std::uint32_t>::max(), "an array of ", values.size());
    number(static_cast<std::uint32_t>(values.size()));
    append(values.data(), values.size_bytes());
  }

  /// Bytes as they are, without a count.
  void raw(std::span<const std::byte> bytes) { append(bytes.data(), bytes.size()); }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void append(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }

  std::vector<std::byte> bytes_;
};

/// Reads what ByteWriter wrote. Every length is checked against what is left before anything is allocated;
/// what does not fit throws InputError, with `name` as the subject of the sentence. The bytes must outlive
/// the reader.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string name) : left_(bytes), name_(std::move(name)) {}

  template <StoredNumber T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  std::string string() {
    const auto bytes = take(number<std::uint32_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  template <StoredNumber T>
  std::vector<T> array() {
    const std::size_t count = number<std::uint32_t>();
    const auto bytes = take(count * sizeof(T));
    std::vector<T> values(count);
    if (count != 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  /// `size` bytes as they are.
  std::span<const std::byte> raw(std::size_t size) { return take(size); }

  /// Whether fields follow that an older writer did not know.
  bool has_more() const { return !left_.empty(); }

  /// Throws when bytes are left over.
  void expect_end() const { VALIDATE(left_.empty(), name_, " is damaged: ", left_.size(), " bytes too long"); }

 private:
  std::span<const std::byte> take(std::size_t size) {
    VALIDATE(size <= left_.size(), name_, " is damaged: it needs ", size, " more bytes and has ", left_.size());
    const auto bytes = left_.first(size);
    left_ = left_.subspan(size);
    return bytes;
  }

  std::span<const std::byte> left_;
  std::string name_;
};

}  // namespace pare::search
