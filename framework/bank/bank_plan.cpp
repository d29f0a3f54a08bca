// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/bank_plan.hpp"

#include <algorithm>

#include "framework/compression/layer_storage.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

BankPlan::BankPlan(const Model& model, const std::vector<Site>& sites) : model_(model), sites_(sites) {
  Hasher hasher;
  hasher.update("bank format 3\n");
  hasher.update(model.hash());
  for (std::size_t s = 0; s < sites.size(); ++s) {
    first_entry_.push_back(entries_.size());
    for (std::size_t l = 0; l < sites[s].linears.size(); ++l) {
      for (std::size_t o = 0; o < sites[s].options.size(); ++o) {
        const Option& option = sites[s].options[o];
        if (option.keeps_checkpoint()) continue;
        const std::int64_t bytes = stored_bytes(option, model, model.stages()[sites[s].stage], sites[s].linears[l]);
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

bool BankPlan::needs_calibration() const {
  return std::any_of(sites_.begin(), sites_.end(), [](const Site& site) {
    return std::any_of(site.options.begin(), site.options.end(), [](const Option& o) { return o.needs_calibration(); });
  });
}

const Linear& BankPlan::linear_of(const Entry& entry) const {
  const Site& site = sites_[entry.site];
  return model_.stages()[site.stage].linears[site.linears[entry.linear]];
}

std::string BankPlan::entry_name(const Entry& entry) const {
  return linear_of(entry).name + " " + option_of(entry).name();
}

}  // namespace pare::framework
