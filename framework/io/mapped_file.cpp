// SPDX-License-Identifier: Apache-2.0
#include "framework/io/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "framework/comm/descriptor.hpp"
#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  VALIDATE(file.number() >= 0, path.string(), ": cannot be opened (", system_reason(errno), ")");
  struct stat status {};
  VALIDATE(::fstat(file.number(), &status) == 0, path.string(), ": cannot be examined (", system_reason(errno), ")");
  VALIDATE(S_ISREG(status.st_mode), path.string(), ": is not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;  // mmap refuses empty files
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.number(), 0);
  VALIDATE(data != MAP_FAILED, path.string(), ": cannot be mapped (", system_reason(errno), ")");
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace pare::framework
