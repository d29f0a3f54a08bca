// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "framework/compression/layer_storage.hpp"
#include "framework/compression/option.hpp"
#include "framework/evaluation/latency_file.hpp"

namespace pare::framework {

/// How a layer's matrix is stored and multiplied, in the spelling of options: what is gone from it (keep) and how it was
/// rounded (gptq, awq, mse, smooth, imatrix) does not matter to its time, so "keep-75%+w3-g32-gptq-mse" runs as
/// "w3-g32".
std::string kernel_name(const Option& option);

/// Measured times of linear layers, looked up. Immutable, so safe for any number of threads.
class LatencyTable {
 public:
  /// Throws InputError as read_latency_file does.
  explicit LatencyTable(const std::filesystem::path& file);

  /// Picoseconds of one pass, so that sums are exact: an entry of that very option, else of its kernel_name. 0 for drop.
  /// Throws InputError that says which line to add, and the nearest entry there is.
  std::int64_t picoseconds(const LayerShape& shape, const Option& option, Phase phase, std::int64_t tokens) const;

 private:
  /// Option, rows, columns, phase, tokens.
  using Key = std::tuple<std::string, std::int64_t, std::int64_t, Phase, std::int64_t>;
  std::string nearest(const Key& wanted) const;

  std::filesystem::path file_;
  std::map<Key, std::int64_t> entries_;
};

}  // namespace pare::framework
