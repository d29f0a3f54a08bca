// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>

#include "framework/comm/descriptor.hpp"
#include "kernels/core/pinned_memory.hpp"

namespace pare::framework {

/// Where a process of this machine keeps a SharedBuffer.
struct SharedPlace {
  std::int64_t pid = 0;
  std::int32_t descriptor = -1;  ///< in that process
  std::uint64_t token = 0;       ///< stands in the buffer itself: numbers of processes and descriptors are used again

  bool operator==(const SharedPlace&) const = default;
};

/// This process cannot see a SharedBuffer: its owner has ended, or belongs to another machine, container or user.
class OutOfSight : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Who copies to and from shared memory: a GPU does it by itself where the memory is locked.
enum class CopiedBy { processor, gpu };

/// A mapping of shared memory, readable and writable.
class SharedMapping {
 public:
  explicit SharedMapping(CopiedBy copied_by) : copied_by_(copied_by) {}
  ~SharedMapping();
  SharedMapping(SharedMapping&& other) noexcept;
  SharedMapping& operator=(SharedMapping&& other) noexcept;

  /// Maps the first `bytes` of a file, instead of what it had. False, and without any, where the system refuses.
  bool map(int descriptor, std::size_t bytes);
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  CopiedBy copied_by_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  kernels::PinnedMemory pinned_;
};

/// Memory that other processes of this machine and user may read while this one writes elsewhere: the way of large data
/// between processes that tell each other what lies where. It has no name in any file system and is gone with the last
/// process that maps it, however that one ends.
class SharedBuffer {
 public:
  explicit SharedBuffer(CopiedBy copied_by = CopiedBy::processor) : mapping_(copied_by) {}

  /// Room for so many bytes, whatever was there is void; what a reader has mapped stays mapped. Empty where the system
  /// gives no memory.
  std::span<std::byte> room(std::size_t bytes);
  /// Of the room that was asked for last.
  const SharedPlace& place() const { return place_; }

 private:
  Descriptor file_;
  SharedMapping mapping_;
  SharedPlace place_;
};

/// A SharedBuffer of another process, or of this one.
class SharedView {
 public:
  explicit SharedView(CopiedBy copied_by = CopiedBy::processor) : mapping_(copied_by) {}

  /// The first `bytes` of the buffer at a place, mapped anew where that is another one than last time or it has grown;
  /// valid until the next call. Throws OutOfSight.
  std::span<const std::byte> look(const SharedPlace& place, std::size_t bytes);

 private:
  SharedMapping mapping_;
  std::optional<SharedPlace> place_;  ///< of what is mapped
};

}  // namespace pare::framework
