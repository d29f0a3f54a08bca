// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "framework/model/inspect.hpp"
#include "search/app/verbs.hpp"

namespace pare::search {

int inspect(const Arguments& arguments) {
  fmt::print("{}", framework::inspect(arguments.file));
  return 0;
}

}  // namespace pare::search
