// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/build_site.hpp"

#include <span>

#include "framework/bank/prepare_site.hpp"
#include "framework/compression/layer_storage.hpp"

namespace pare::framework {

BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration) {
  BuiltSite built;
  SitePreparation preparation(plan.model(), plan.sites()[site], calibration);
  const std::size_t first = plan.first_entry(site);
  const std::size_t count = plan.entry_count(site);
  if (count == 0) return built;
  const std::int64_t begin = plan.entries()[first].offset;
  const BankPlan::Entry& last = plan.entries()[first + count - 1];
  built.packed.resize(static_cast<std::size_t>(last.offset + last.bytes - begin));
  built.errors.resize(count);
  for (std::size_t option = 0; option < plan.sites()[site].options.size(); ++option) {
    const Option& chosen = plan.sites()[site].options[option];
    if (chosen.keeps_checkpoint()) continue;
    try {
      const std::vector<PreparedLayer> layers = preparation.prepare(chosen);
      for (std::size_t l = 0; l < layers.size(); ++l) {
        const BankPlan::Entry& entry = plan.entry(site, l, option);
        const auto stored =
            std::span(built.packed)
                .subspan(static_cast<std::size_t>(entry.offset - begin), static_cast<std::size_t>(entry.bytes));
        const std::span<std::byte> body = chosen.drop ? stored : write_notes(layers[l].notes, stored);
        preparation.compress(chosen, layers[l], body);
        built.errors[static_cast<std::size_t>(&entry - &plan.entries()[first])] =
            preparation.error(chosen, layers[l], body);
      }
    } catch (const InputError& error) {
      throw InputError(plan.sites()[site].name + ", option " + chosen.name() + ": " + error.what());
    }
  }
  return built;
}

}  // namespace pare::framework
