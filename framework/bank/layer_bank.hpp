// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/bank/build_site.hpp"
#include "framework/compression/layer_storage.hpp"
#include "framework/io/h5_file.hpp"
#include "framework/io/mapped_file.hpp"

namespace pare::framework {

/// Every compressed form of every site, packed, in one HDF5 file:
///   /packed         uint8 [total bytes], contiguous: BankPlan gives the offset of each entry
///   /entry_name     "module option"
///   /entry_offset, /entry_bytes  int64
///   /squared_error, /squared_weights  float64
///   /failed_site, /failed_option  int64, /failed_reason  where an option failed; absent where none did
///   attribute key   BankPlan::key()
/// The packed bytes are mapped, so all processes of a node share one copy in the page cache. Immutable, any number of
/// threads.
class LayerBank {
 public:
  /// Throws InputError when the file is not the bank of this plan. The plan must outlive the bank.
  LayerBank(const std::filesystem::path& file, const BankPlan& plan);

  struct Failure {
    std::size_t site = 0;
    std::size_t option = 0;
    std::string reason;
  };

  const BankPlan& plan() const { return plan_; }
  /// A linear of a site under an option that compresses it (`linear`: index into Site::linears).
  StoredLayer layer(std::size_t site, std::size_t linear, std::size_t option) const;

  /// By site, then option: those of which there is nothing to be had, because they failed or because another site of the
  /// sub-layer cannot go along.
  const std::vector<Failure>& failures() const { return failures_; }
  /// Indices into Site::options of those that did not fail, ascending.
  std::vector<std::uint8_t> sound_options(std::size_t site) const;

  /// Mean over the linears of a site of their relative squared error under an option; 0 for w16.
  double local_error(std::size_t site, std::size_t option) const;

 private:
  void read_failures(const H5File& file);
  /// A structure of which a site has no sound option left is lost to all sites of its sub-layer.
  void add_consequences();

  const BankPlan& plan_;
  MappedFile mapped_;
  std::int64_t packed_offset_ = 0;
  std::vector<LocalError> errors_;
  std::vector<Failure> failures_;
};

/// Writes a bank site by site, in any order; the file appears under its name with commit().
class BankWriter {
 public:
  BankWriter(const std::filesystem::path& file, const BankPlan& plan);
  void add(std::size_t site, const BuiltSite& built);
  /// EXPECTs that every site was added.
  void commit();

 private:
  void write_failures();

  const BankPlan& plan_;
  H5File file_;
  std::vector<LocalError> errors_;
  std::map<std::size_t, std::vector<OptionFailure>> failures_;  ///< by site
  std::size_t sites_added_ = 0;
};

}  // namespace pare::framework
