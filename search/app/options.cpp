// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "framework/compression/option_table.hpp"
#include "search/app/verbs.hpp"

namespace pare::search {

int options() {
  fmt::print("{}", framework::option_table());
  return 0;
}

}  // namespace pare::search
