// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pare::framework::detail {

/// A tensor as the header of a safetensors file describes it. Complete, but not checked against anything.
struct TensorEntry {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct HeaderEntries {
  std::vector<TensorEntry> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Reads {"__metadata__": {"key": "text"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0,
/// 24]}, ...} event by event, so that duplicate keys are seen and no tree of strangers' depth is built.
/// Anything else in the text is refused.
HeaderEntries parse_header_json(std::string_view text, const std::string& source);

}  // namespace pare::framework::detail
