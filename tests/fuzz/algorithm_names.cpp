// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/search_algorithm.hpp"

namespace pare::search {

/// For the fuzz targets: the registry's own list would need every algorithm to be built.
std::vector<std::string> algorithm_names() {
  return {"evopress", "ilp", "pare"};
}

}  // namespace pare::search
