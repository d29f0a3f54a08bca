// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/layer_bank.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework {

LayerBank::LayerBank(const std::filesystem::path& path, const BankPlan& plan) : plan_(plan), mapped_(path) {
  const H5File file = H5File::open(path);
  VALIDATE(file.string_attribute("/", "key") == plan.key(), path.string(),
           ": is the bank of another model or of other options, remove it to have it built again");
  VALIDATE(file.shape("/packed") == std::vector<std::int64_t>{plan.total_bytes()}, path.string(),
           ": /packed must hold ", plan.total_bytes(), " bytes");
  // HDF5 allots no place to nothing: where all that may happen to a layer is that it stays or goes.
  if (plan.total_bytes() > 0) packed_offset_ = file.dataset_offset<std::uint8_t>("/packed");
  const auto squared_error = file.read<double>("/squared_error");
  const auto squared_weights = file.read<double>("/squared_weights");
  VALIDATE(squared_error.size() == plan.entries().size() && squared_weights.size() == plan.entries().size(),
           path.string(), ": holds errors of ", squared_error.size(), " entries, expected ", plan.entries().size());
  for (std::size_t e = 0; e < squared_error.size(); ++e) errors_.push_back({squared_error[e], squared_weights[e]});
  if (file.contains("/failed_site")) {
    read_failures(file);
    add_consequences();
  }
}

void LayerBank::read_failures(const H5File& file) {
  const auto site = file.read<std::int64_t>("/failed_site");
  const auto option = file.read<std::int64_t>("/failed_option");
  const auto reason = file.read_strings("/failed_reason");
  const std::string path = file.path().string();
  VALIDATE(option.size() == site.size() && reason.size() == site.size(), path,
           ": /failed_site, /failed_option and /failed_reason differ in length");
  for (std::size_t f = 0; f < site.size(); ++f) {
    const bool known = site[f] >= 0 && site[f] < std::ssize(plan_.sites()) && option[f] >= 0 &&
                       option[f] < std::ssize(plan_.sites()[static_cast<std::size_t>(site[f])].options);
    VALIDATE(known, path, ": /failed_option names option ", option[f], " of site ", site[f], ", which does not exist");
    failures_.push_back({static_cast<std::size_t>(site[f]), static_cast<std::size_t>(option[f]), reason[f]});
  }
}

void LayerBank::add_consequences() {
  const std::vector<Site>& sites = plan_.sites();
  const auto offers = [&](std::size_t site, const std::string& structure) {
    const std::vector<std::uint8_t> sound = sound_options(site);
    return std::any_of(sound.begin(), sound.end(),
                       [&](std::uint8_t o) { return sites[site].options[o].structure() == structure; });
  };
  for (std::size_t site = 0; site < sites.size(); ++site) {
    for (std::size_t other = 0; other < sites.size(); ++other) {
      const bool together = site != other && sites[other].stage == sites[site].stage && is_structured(sites[other]);
      if (!together) continue;
      for (const std::uint8_t o : sound_options(other)) {
        const Option& option = sites[other].options[o];
        if (offers(site, option.structure())) continue;
        failures_.push_back({other, o, sites[site].name + " cannot go along"});
      }
    }
  }
  std::ranges::sort(failures_, {}, [](const Failure& f) { return std::pair(f.site, f.option); });
}

std::vector<std::uint8_t> LayerBank::sound_options(std::size_t site) const {
  std::vector<std::uint8_t> sound;
  for (std::size_t o = 0; o < plan_.sites()[site].options.size(); ++o) {
    const bool failed = std::any_of(failures_.begin(), failures_.end(),
                                    [&](const Failure& f) { return f.site == site && f.option == o; });
    if (!failed) sound.push_back(static_cast<std::uint8_t>(o));
  }
  return sound;
}

StoredLayer LayerBank::layer(std::size_t site, std::size_t linear, std::size_t option) const {
  const BankPlan::Entry& entry = plan_.entry(site, linear, option);
  const Site& place = plan_.sites()[site];
  return open_layer(plan_.option_of(entry), plan_.model(), plan_.model().stages()[place.stage], place.linears[linear],
                    mapped_.bytes().subspan(static_cast<std::size_t>(packed_offset_ + entry.offset),
                                            static_cast<std::size_t>(entry.bytes)));
}

double LayerBank::local_error(std::size_t site, std::size_t option) const {
  double sum = 0;
  for (std::size_t e = plan_.first_entry(site); e < plan_.first_entry(site) + plan_.entry_count(site); ++e) {
    if (plan_.entries()[e].option != option || errors_[e].squared_weights <= 0) continue;
    sum += errors_[e].squared_error / errors_[e].squared_weights;
  }
  return sum / static_cast<double>(plan_.sites()[site].linears.size());
}

BankWriter::BankWriter(const std::filesystem::path& path, const BankPlan& plan)
    : plan_(plan), file_(H5File::create(path)), errors_(plan.entries().size()) {
  file_.create_dataset<std::uint8_t>("/packed", {plan.total_bytes()});
}

void BankWriter::add(std::size_t site, const BuiltSite& built) {
  const std::size_t first = plan_.first_entry(site);
  EXPECT(built.errors.size() == plan_.entry_count(site), plan_.sites()[site].name);
  ++sites_added_;
  if (!built.failures.empty()) failures_[site] = built.failures;
  if (built.errors.empty()) return;
  file_.write_rows("/packed", plan_.entries()[first].offset,
                   std::span(reinterpret_cast<const std::uint8_t*>(built.packed.data()), built.packed.size()));
  for (std::size_t e = 0; e < built.errors.size(); ++e) errors_[first + e] = built.errors[e];
}

void BankWriter::commit() {
  EXPECT(sites_added_ == plan_.sites().size());
  std::vector<std::string> names;
  std::vector<std::int64_t> offsets, bytes;
  std::vector<double> squared_error, squared_weights;
  for (std::size_t e = 0; e < plan_.entries().size(); ++e) {
    names.push_back(plan_.entry_name(plan_.entries()[e]));
    offsets.push_back(plan_.entries()[e].offset);
    bytes.push_back(plan_.entries()[e].bytes);
    squared_error.push_back(errors_[e].squared_error);
    squared_weights.push_back(errors_[e].squared_weights);
  }
  file_.write("/entry_name", names);
  file_.write("/entry_offset", offsets);
  file_.write("/entry_bytes", bytes);
  file_.write("/squared_error", squared_error);
  file_.write("/squared_weights", squared_weights);
  write_failures();
  file_.set_attribute("/", "content", "layer bank");
  file_.set_attribute("/", "key", plan_.key());
  file_.commit();
}

void BankWriter::write_failures() {
  if (failures_.empty()) return;
  std::vector<std::int64_t> sites, options;
  std::vector<std::string> reasons;
  for (const auto& [site, failures] : failures_) {
    for (const OptionFailure& failure : failures) {
      sites.push_back(static_cast<std::int64_t>(site));
      options.push_back(static_cast<std::int64_t>(failure.option));
      reasons.push_back(failure.reason);
    }
  }
  file_.write("/failed_site", sites);
  file_.write("/failed_option", options);
  file_.write("/failed_reason", reasons);
}

}  // namespace pare::framework
