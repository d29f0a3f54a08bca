// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_table.hpp"

#include <cmath>
#include <limits>
#include <sstream>

#include "kernels/core/error.hpp"

namespace pare::framework {
namespace {

double distance(std::int64_t a, std::int64_t b) {
  return std::abs(std::log(static_cast<double>(a) / static_cast<double>(b)));
}

}  // namespace

std::string kernel_name(const Option& option) {
  Option plain = option;
  plain.drop = false;
  plain.keep_percent = 100;
  plain.rounding = Option::Rounding::nearest;
  plain.clip = false;
  plain.importance = false;
  plain.smooth = false;
  return plain.name();
}

LatencyTable::LatencyTable(const std::filesystem::path& file) : file_(file) {
  for (const LatencyEntry& entry : read_latency_file(file))
    entries_.emplace(Key{entry.option, entry.shape.outputs, entry.shape.inputs, entry.phase, entry.tokens},
                     std::llround(entry.seconds * 1e12));
}

std::int64_t LatencyTable::picoseconds(const LayerShape& shape, const Option& option, Phase phase,
                                       std::int64_t tokens) const {
  if (option.drop) return 0;
  Option own = option;
  own.keep_percent = 100;
  for (const std::string& name : {own.name(), kernel_name(option)}) {
    const auto found = entries_.find({name, shape.outputs, shape.inputs, phase, tokens});
    if (found != entries_.end()) return found->second;
  }
  const std::string name = kernel_name(option);
  std::ostringstream text;
  text << file_.string() << ": no time of " << name << " for " << shape.outputs << " x " << shape.inputs << ", "
       << phase_name(phase) << " of " << tokens << " tokens; add the line '" << shape.outputs << "," << shape.inputs
       << "," << name << "," << phase_name(phase) << "," << tokens << ",SECONDS'"
       << nearest({name, shape.outputs, shape.inputs, phase, tokens});
  throw InputError(text.str());
}

std::string LatencyTable::nearest(const Key& wanted) const {
  const auto& [option, rows, cols, phase, tokens] = wanted;
  const Key* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [key, value] : entries_) {
    // Another phase or option is farther than any other shape.
    const double away = (std::get<3>(key) == phase ? 0 : 1e3) + (std::get<0>(key) == option ? 0 : 1e4) +
                        distance(std::get<1>(key), rows) + distance(std::get<2>(key), cols) +
                        distance(std::get<4>(key), tokens);
    if (away >= least) continue;
    least = away;
    best = &key;
  }
  if (best == nullptr) return " (the table has no entries)";
  std::ostringstream text;
  text << " (the nearest there is: " << std::get<1>(*best) << "," << std::get<2>(*best) << "," << std::get<0>(*best)
       << "," << phase_name(std::get<3>(*best)) << "," << std::get<4>(*best) << ")";
  return text.str();
}

}  // namespace pare::framework
