// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pare::framework {

/// XXH3-128 of everything handed to update(), in order. Not a defence against an adversary: it tells apart
/// what differs by accident. Movable, used by one thread.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  /// The bytes of the text, without its length: separate texts that follow each other.
  void update(std::string_view text);
  /// The bytes of a number, as they lie in memory.
  template <class T>
  requires std::integral<T> || std::floating_point<T>
  void update_value(T value) { update(std::as_bytes(std::span(&value, 1))); }

  /// 32 hexadecimal digits, of what came so far.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pare::framework
