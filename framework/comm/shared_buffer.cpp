// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/shared_buffer.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
#include <utility>

namespace pare::framework {
namespace {

// The token has a page of its own, so that what follows begins at one.
constexpr std::size_t head_bytes = 4096;

bool allocate(int descriptor, std::size_t bytes) {
  int error = EINTR;
  while (error == EINTR) error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
  return error == 0;
}

}  // namespace

SharedMapping::~SharedMapping() {
  pinned_ = {};
  if (data_ != nullptr) ::munmap(data_, size_);
}

SharedMapping::SharedMapping(SharedMapping&& other) noexcept
    : copied_by_(other.copied_by_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pinned_(std::move(other.pinned_)) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
  std::swap(copied_by_, other.copied_by_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(pinned_, other.pinned_);
  return *this;
}

bool SharedMapping::map(int descriptor, std::size_t bytes) {
  *this = SharedMapping(copied_by_);
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return false;
  data_ = static_cast<std::byte*>(data);
  size_ = bytes;
  if (copied_by_ == CopiedBy::gpu) pinned_ = kernels::PinnedMemory(this->bytes());
  return true;
}

std::span<std::byte> SharedBuffer::room(std::size_t bytes) {
  const std::size_t size = head_bytes + bytes;
  if (mapping_.bytes().size() < size) {
    if (file_.number() < 0) file_ = Descriptor(::memfd_create("pare-shared", MFD_CLOEXEC));
    // Allocated now: a page that the system cannot give later would end this process.
    if (file_.number() < 0 || !allocate(file_.number(), size)) return {};
    if (!mapping_.map(file_.number(), size)) return {};
    std::random_device random;
    place_ = {::getpid(), file_.number(), (std::uint64_t{random()} << 32) | random()};
    std::memcpy(mapping_.bytes().data(), &place_.token, sizeof(place_.token));
  }
  return mapping_.bytes().subspan(head_bytes, bytes);
}

std::span<const std::byte> SharedView::look(const SharedPlace& place, std::size_t bytes) {
  const auto fail = [&](const std::string& why) {
    throw OutOfSight(fmt::format("memory of process {} cannot be seen from here: {}", place.pid, why));
  };
  if (place_ != place || bytes > mapping_.bytes().size() - head_bytes) {
    place_.reset();
    // O_NONBLOCK: what has this number by now may be anything, a pipe too.
    const Descriptor file(
        ::open(fmt::format("/proc/{}/fd/{}", place.pid, place.descriptor).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) fail(std::generic_category().message(errno));
    struct stat status {};
    if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) fail("it is none");
    const auto file_bytes = static_cast<std::size_t>(status.st_size);
    if (file_bytes < head_bytes || bytes > file_bytes - head_bytes) fail("it is smaller than was said");
    if (!mapping_.map(file.number(), file_bytes)) fail("it cannot be mapped");
    std::uint64_t token = 0;
    std::memcpy(&token, mapping_.bytes().data(), sizeof(token));
    if (token != place.token) fail("it is another's");
    place_ = place;
  }
  return mapping_.bytes().subspan(head_bytes, bytes);
}

}  // namespace pare::framework
