// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/io/json.hpp"
#include "framework/model/weight_scheme.hpp"

namespace pare::framework {

/// `quantization_config` of a config.json, as compressed-tensors writes it. What a module is matched by, in this order:
/// its name, "re:" and a regular expression that matches from the start of the name, its class (Linear).
class QuantizationConfig {
 public:
  /// Nothing is quantized.
  QuantizationConfig() = default;
  /// Throws InputError naming `source`, the key, and what is supported: another quant_method, a format besides
  /// pack-quantized and int-quantized, widths other than 4 and 8 bits, floating-point codes, reordered groups.
  QuantizationConfig(const Json& config, const std::string& source);

  /// Nothing: the module's weight is stored as it is.
  std::optional<WeightScheme> scheme_of(const std::string& module) const;

 private:
  struct Group {
    std::vector<std::string> targets;
    WeightScheme scheme;
  };
  std::vector<Group> groups_;
  std::vector<std::string> ignore_;
};

/// DIR/config.json's; nothing is quantized where it has no such key.
QuantizationConfig read_quantization_config(const std::filesystem::path& directory);

/// The same the other way round, for a file to be written: modules by the scheme that they share; those of `ignore` stay
/// as they are. `lm_head` is ignored always.
Json quantization_json(const std::vector<std::pair<std::string, WeightScheme>>& modules,
                       const std::vector<std::string>& ignore);

}  // namespace pare::framework
