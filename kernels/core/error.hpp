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

}  // namespace pare
