// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace pare::framework {

/// A regular file mapped read-only. All processes of a node that map it share one copy in the page cache,
/// which is why model weights, banks and teachers are mapped and not read. Movable; the bytes stay where they
/// are when it moves. Any number of threads may read.
///
/// Throws InputError with the path and the reason of the system. A file that another process truncates while
/// it is mapped ends this process with SIGBUS: pare itself never changes a file in place (see
/// atomic_file.hpp).
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace pare::framework
