// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/build_site.hpp"

#include <span>

#include "kernels/core/matrix.hpp"

namespace pare::framework {

BuiltSite build_site(const BankPlan& plan, std::size_t site) {
  BuiltSite built;
  kernels::Matrix<float> weight;
  const Linear* loaded = nullptr;
  for (std::size_t e = plan.first_entry(site); e < plan.first_entry(site) + plan.entry_count(site); ++e) {
    const BankPlan::Entry& entry = plan.entries()[e];
    const Linear& linear = plan.linear_of(entry);
    if (loaded != &linear) plan.model().read_weight(linear, weight);
    loaded = &linear;
    const Option& option = plan.option_of(entry);
    const std::size_t begin = built.packed.size();
    built.packed.resize(begin + static_cast<std::size_t>(entry.bytes));
    try {
      built.errors.push_back(
          compressor_of(option).compress(option, weight.view(), std::span(built.packed).subspan(begin)));
    } catch (const InputError& error) {
      throw InputError(linear.name + ", option " + option.name() + ": " + error.what());
    }
  }
  return built;
}

}  // namespace pare::framework
