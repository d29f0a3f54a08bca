// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/core/error.hpp"

namespace pare::search {

/// The model or the text that an experiment names is damaged, missing or unfit: exit code 65.
class DataError : public InputError {
 public:
  using InputError::InputError;
};

/// A directory of results cannot be created or written to: exit code 73.
class OutputError : public InputError {
 public:
  using InputError::InputError;
};

/// What an exception means for whoever started the program.
struct Failure {
  int exit_code = 0;  ///< framework/comm/exit_code.hpp
  std::string text;   ///< one line
};

/// Of the exception being handled; call it in a catch block.
Failure explain_current_exception();

}  // namespace pare::search
