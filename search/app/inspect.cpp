// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "framework/io/inspect.hpp"
#include "search/app/verbs.hpp"

namespace pare::search {

int inspect(const Arguments& arguments) {
  fmt::print("{}", arguments.file.extension() == ".h5" ? framework::describe_hdf5(arguments.file) : framework::describe_safetensors(arguments.file));
  return 0;
  
}

}  // namespace pare::search
