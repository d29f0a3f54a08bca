// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace pare::framework {

/// A whole file, mapped read-only, so that all processes of a node share one copy in the page cache. Movable; the bytes stay where they are.
class MappedFile {
 public:
  /// Throws InputError naming the file and what the system says.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace pare::framework
