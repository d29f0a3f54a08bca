// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace pare::search {

/// Appends values to a byte string in the machine's own layout: messages live between ranks of one run on one architecture.
class WireWriter {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void value(const T& x) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&x);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }

  /// Length, then elements.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void array(std::span<const T> elements) {
    value(static_cast<std::uint64_t>(elements.size()));
    const auto bytes = std::as_bytes(elements);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  void text(const std::string& x) { array(std::span<const char>(x)); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what WireWriter wrote; every length is checked before it is used. Throws std::runtime_error on a message that is too short or
/// too long.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T value() {
    T x;
    std::memcpy(&x, take(sizeof(T)).data(), sizeof(T));
    return x;
  }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  std::vector<T> array() {
    const auto count = value<std::uint64_t>();
    if (count > rest_.size() / sizeof(T)) throw std::runtime_error("message is shorter than it says");
    std::vector<T> elements(count);
    const auto bytes = take(count * sizeof(T));
    if (count > 0) std::memcpy(elements.data(), bytes.data(), bytes.size());
    return elements;
  }

  std::string text() {
    const auto characters = array<char>();
    return {characters.begin(), characters.end()};
  }

  void finish() const {
    if (!rest_.empty()) throw std::runtime_error("message is longer than expected");
  }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (count > rest_.size()) throw std::runtime_error("message is shorter than it says");
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
};

}  // namespace pare::search
