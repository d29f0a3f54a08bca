// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/bank_plan.hpp"

#include "framework/compression/compressor.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

BankPlan::BankPlan(const Model& model, const std::vector<Site>& sites) : model_(model), sites_(sites) {
  Hasher hasher;
  hasher.update("bank format 1\n");
  hasher.update(model.hash());
  for (std::size_t s = 0; s < sites.size(); ++s) {
    first_entry_.push_back(entries_.size());
    for (std::size_t l = 0; l < sites[s].linears.size(); ++l) {
      const Linear& linear = model.stages()[sites[s].stage].linears[sites[s].linears[l]];
      for (std::size_t o = 0; o < sites[s].options.size(); ++o) {
        const Option& option = sites[s].options[o];
        if (option.method == Option::Method::keep) continue;
        const std::int64_t bytes = compressor_of(option).packed_bytes(option, linear.outputs, linear.inputs);
        entries_.push_back({s, l, o, total_bytes_, bytes});
        total_bytes_ += bytes;
        hasher.update("\n" + entry_name(entries_.back()));
      }
    }
  }
  first_entry_.push_back(entries_.size());
  key_ = hasher.hex();
}

const BankPlan::Entry& BankPlan::entry(std::size_t site, std::size_t linear, std::size_t option) const {
  for (std::size_t e = first_entry_[site]; e < first_entry_[site + 1]; ++e) {
    if (entries_[e].linear == linear && entries_[e].option == option) return entries_[e];
  }
  throw InternalError("bank: no entry for " + sites_[site].name + " " + sites_[site].options[option].name());
}

const Linear& BankPlan::linear_of(const Entry& entry) const {
  const Site& site = sites_[entry.site];
  return model_.stages()[site.stage].linears[site.linears[entry.linear]];
}

std::string BankPlan::entry_name(const Entry& entry) const {
  return linear_of(entry).name + " " + option_of(entry).name();
}

}  // namespace pare::framework
