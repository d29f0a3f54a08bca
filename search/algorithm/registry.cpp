// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <map>

#include "framework/config/near_name.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/evopress.hpp"
#include "search/algorithm/exhaustive.hpp"
#include "search/algorithm/greedy.hpp"
#include "search/algorithm/ilp.hpp"
#include "search/algorithm/nsga2.hpp"
#include "search/algorithm/pare.hpp"
#include "search/algorithm/random_search.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/algorithm/tpe.hpp"

namespace pare::search {
namespace {

using Maker = std::function<std::unique_ptr<SearchAlgorithm>(const SearchProblem&)>;

template <class Algorithm>
std::unique_ptr<SearchAlgorithm> make(const SearchProblem& problem) {
  return std::make_unique<Algorithm>(problem);
}

std::unique_ptr<SearchAlgorithm> make_evopress_bytes(const SearchProblem& problem) {
  EvoPressSettings settings;
  settings.size_classes = false;
  return std::make_unique<EvoPress>(problem, settings);
}

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all{
      {"evopress", make<EvoPress>},
      {"evopress-bytes", make_evopress_bytes},
      {"exhaustive", make<Exhaustive>},
      {"greedy", make<Greedy>},
      {"ilp", make<Ilp>},
      {"nsga2", make<Nsga2>},
      {"pare", make<Pare>},
      {"random", make<RandomSearch>},
      {"tpe", make<Tpe>},
  };
  return all;
}

}  // namespace

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

std::unique_ptr<SearchAlgorithm> make_algorithm(const std::string& name, const SearchProblem& problem) {
  const auto found = makers().find(name);
  if (found != makers().end()) return found->second(problem);
  std::string list;
  for (const std::string& known : algorithm_names()) list += (list.empty() ? "" : ", ") + known;
  throw InputError("unknown algorithm '" + name + "'" + framework::did_you_mean(name, algorithm_names()) +
                   " (known: " + list + ")");
}

}  // namespace pare::search
