// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/shared_prefixes.hpp"

#include <map>

#include "kernels/core/error.hpp"

namespace pare::framework {

SharedPrefixes::SharedPrefixes(std::span<const OptionIndices> candidates, std::size_t sites, std::int64_t tokens,
                               std::int64_t hidden)
    : tokens_(tokens), hidden_(hidden) {
  std::map<OptionIndices, std::size_t> numbers;
  for (const OptionIndices& candidate : candidates) {
    const auto end = candidate.begin() + static_cast<std::ptrdiff_t>(sites);
    leads_.push_back(numbers.emplace(OptionIndices(candidate.begin(), end), 0).second);
  }
  for (auto& [prefix, number] : numbers) number = prefixes_++;
  for (const OptionIndices& candidate : candidates) {
    const auto end = candidate.begin() + static_cast<std::ptrdiff_t>(sites);
    number_.push_back(numbers.at(OptionIndices(candidate.begin(), end)));
  }
}

void SharedPrefixes::expect(std::span<const float> given) const {
  if (given.size() == values()) return;
  throw InternalError("hidden states of " + std::to_string(given.size()) + " values came, " + std::to_string(values()) +
                      " were expected");
}

}  // namespace pare::framework
