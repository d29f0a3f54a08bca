// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/build_site.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "framework/bank/prepare_site.hpp"
#include "framework/compression/layer_storage.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// Fills in the entries of one site, an option after the other.
class SiteBuilder {
 public:
  SiteBuilder(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration,
              CompressionArithmetic& arithmetic)
      : plan_(plan),
        site_(site),
        first_(plan.first_entry(site)),
        preparation_(plan.model(), place(), calibration, arithmetic) {
    const std::size_t count = plan.entry_count(site);
    built_.errors.resize(count);
    if (count == 0) return;
    const BankPlan::Entry& last = plan.entries()[first_ + count - 1];
    built_.packed.resize(static_cast<std::size_t>(last.offset + last.bytes - plan.entries()[first_].offset));
  }

  /// Throws InputError when the option fails.
  void build(std::size_t option) {
    const Option& chosen = place().options[option];
    const std::vector<PreparedLayer> layers = preparation_.prepare(chosen);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const std::span<std::byte> stored = bytes_of(l, option);
      const std::span<std::byte> body = chosen.drop ? stored : write_notes(layers[l].notes, stored);
      preparation_.compress(chosen, layers[l], body);
      const LocalError error = preparation_.error(chosen, layers[l], body);
      VALIDATE(std::isfinite(error.squared_error), "the result for ", layers[l].linear->name, " is not finite");
      error_of(l, option) = error;
    }
  }

  void fail(std::size_t option, const std::string& reason) {
    for (std::size_t l = 0; l < place().linears.size(); ++l) {
      std::ranges::fill(bytes_of(l, option), std::byte{0});
      error_of(l, option) = {};
    }
    built_.failures.push_back({option, reason});
  }

  BuiltSite take() { return std::move(built_); }

 private:
  const Site& place() const { return plan_.sites()[site_]; }

  std::span<std::byte> bytes_of(std::size_t linear, std::size_t option) {
    const BankPlan::Entry& entry = plan_.entry(site_, linear, option);
    return std::span(built_.packed)
        .subspan(static_cast<std::size_t>(entry.offset - plan_.entries()[first_].offset),
                 static_cast<std::size_t>(entry.bytes));
  }

  LocalError& error_of(std::size_t linear, std::size_t option) {
    return built_.errors[static_cast<std::size_t>(&plan_.entry(site_, linear, option) - &plan_.entries()[first_])];
  }

  const BankPlan& plan_;
  std::size_t site_;
  std::size_t first_;
  SitePreparation preparation_;
  BuiltSite built_;
};

}  // namespace

BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration) {
  return build_site(plan, site, calibration, *make_compression_arithmetic(std::nullopt));
}

BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration,
                     CompressionArithmetic& arithmetic) {
  SiteBuilder builder(plan, site, calibration, arithmetic);
  const Site& place = plan.sites()[site];
  for (std::size_t option = 0; option < place.options.size(); ++option) {
    const Option& chosen = place.options[option];
    if (chosen.keeps_checkpoint()) continue;
    VALIDATE(calibration != nullptr || !chosen.needs_calibration(), place.name, ", option ", chosen.name(),
             ": needs calibration statistics, and there are none");
    try {
      builder.build(option);
    } catch (const InputError& error) {
      builder.fail(option, error.what());
    }
  }
  return builder.take();
}

}  // namespace pare::framework
