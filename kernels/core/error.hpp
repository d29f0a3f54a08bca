// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace pare {

/// Something a user, a file or the network handed us is wrong. The text is one line that names what is wrong,
/// where (file, key, line) and what would be right; main prints it and exits with code 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A promise between two pieces of this code was broken: a defect of pare. main prints it and exits with
/// code 70.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A GPU refused something. After a sticky error every later call of the process fails on that GPU too, so that only a
/// new process can go on; any other error (out of memory, a bad launch) leaves the GPU usable.
class DeviceError : public std::runtime_error {
 public:
  DeviceError(const std::string& text, bool sticky) : std::runtime_error(text), sticky_(sticky) {}

  bool sticky() const { return sticky_; }

 private:
  bool sticky_;
};

/// The GPU has less free memory than was asked for. Never sticky.
class DeviceMemoryError : public DeviceError {
 public:
  explicit DeviceMemoryError(const std::string& text) : DeviceError(text, false) {}
};

}  // namespace pare
