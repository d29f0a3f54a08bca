// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// What a bank holds and where: one entry for every (site, linear of the site, option that compresses), in that order.
/// Options that keep the checkpoint's weights have no entry. The plan follows from the model and the sites alone, so
/// every rank computes it.
class BankPlan {
 public:
  struct Entry {
    std::size_t site = 0;
    std::size_t linear = 0;   ///< index into Site::linears
    std::size_t option = 0;   ///< index into Site::options
    std::int64_t offset = 0;  ///< of its bytes in the bank
    std::int64_t bytes = 0;
  };

  /// Both must outlive the plan.
  BankPlan(const Model& model, const std::vector<Site>& sites);

  const Model& model() const { return model_; }
  const std::vector<Site>& sites() const { return sites_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::int64_t total_bytes() const { return total_bytes_; }

  /// Index of the first entry of a site; the entries of a site are contiguous.
  std::size_t first_entry(std::size_t site) const { return first_entry_[site]; }
  std::size_t entry_count(std::size_t site) const { return first_entry_[site + 1] - first_entry_[site]; }
  /// EXPECTs an option that compresses.
  const Entry& entry(std::size_t site, std::size_t linear, std::size_t option) const;

  /// Whether any option needs the statistics of calibration.
  bool needs_calibration() const;

  const Linear& linear_of(const Entry& entry) const;
  const Option& option_of(const Entry& entry) const { return sites_[entry.site].options[entry.option]; }
  /// "model.layers.0.self_attn.q_proj w4-g32"
  std::string entry_name(const Entry& entry) const;

  /// XXH3-128 over the model's hash and all entries: two plans with one key describe the same bytes.
  const std::string& key() const { return key_; }

 private:
  const Model& model_;
  const std::vector<Site>& sites_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> first_entry_;
  std::int64_t total_bytes_ = 0;
  std::string key_;
};

}  // namespace pare::framework
