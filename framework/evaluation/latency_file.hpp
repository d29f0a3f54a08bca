// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "framework/compression/layer_storage.hpp"

namespace pare::framework {

enum class Phase { prefill, decode };

std::string phase_name(Phase phase);

/// Time of one pass of `tokens` tokens through one linear layer, in seconds.
struct LatencyEntry {
  LayerShape shape;    ///< as it is under the option
  std::string option;  ///< as Option::name() spells it
  Phase phase = Phase::prefill;
  std::int64_t tokens = 0;
  double seconds = 0;  ///< median
  double lowest = 0;   ///< of the passes measured; the median where the file does not say
  double highest = 0;
};

/// Reads measured times, as `pare profile` or the user writes them: an HDF5 file (write_latency_file), or text,
///
///   rows,cols,option,phase,tokens,seconds
///   4096,4096,w4-g128,decode,1,0.0000123
///
/// rows: outputs, cols: inputs, both as they are under the option; phase: prefill or decode; tokens: of one pass. Two
/// more columns, lowest,highest, may follow. Empty lines and lines that begin with # are passed over.
///
/// Throws InputError naming file and line (text) or row (HDF5): a missing header, a field that is no number or out of
/// range, too few fields, an unknown option, an entry listed twice, more than 64 MiB of text or a million rows.
std::vector<LatencyEntry> read_latency_file(const std::filesystem::path& file);

/// Facts about the measurement, in the order in which they are shown: {"device", "NVIDIA H100"}.
using LatencyFacts = std::vector<std::pair<std::string, std::string>>;

/// Writes them by temporary name and rename: as text where the name ends in .csv, facts as lines that begin with #; else
/// as HDF5, a column a dataset, facts as attributes of the root. Throws InputError where it cannot be written.
void write_latency_file(const std::filesystem::path& file, const std::vector<LatencyEntry>& entries,
                        const LatencyFacts& facts);

}  // namespace pare::framework
