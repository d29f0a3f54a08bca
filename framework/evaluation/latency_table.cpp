// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "framework/config/near_name.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr const char* header = "rows,cols,option,phase,tokens,seconds";
constexpr std::uintmax_t longest_file = std::uintmax_t{64} << 20;
constexpr double most_seconds = 1000;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(trimmed(field));
  return fields;
}

template <class Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

double distance(std::int64_t a, std::int64_t b) {
  return std::abs(std::log(static_cast<double>(a) / static_cast<double>(b)));
}

}  // namespace

std::string phase_name(Phase phase) {
  return phase == Phase::prefill ? "prefill" : "decode";
}

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
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  VALIDATE(!error, file.string(), ": cannot be read as a latency table: ", error.message());
  VALIDATE(size <= longest_file, file.string(), ": ", size, " bytes are too many for a latency table (at most ",
           longest_file, ")");
  std::ifstream stream(file);
  std::string line;
  bool has_header = false;
  for (int number = 1; std::getline(stream, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string place = file.string() + ":" + std::to_string(number) + ": ";
    if (!has_header) {
      VALIDATE(text == header, place, "expected the header '", header, "', got '", text.substr(0, 80), "'");
      has_header = true;
      continue;
    }
    const std::vector<std::string> fields = split(text);
    VALIDATE(fields.size() == 6, place, "expected 6 fields (", header, "), got ", fields.size());
    const auto count = [&](std::size_t at, const char* name) {
      const auto value = parse<std::int64_t>(fields[at]);
      VALIDATE(value && *value > 0, place, name, ": expected a whole number of at least 1, got '", fields[at], "'");
      return *value;
    };
    const std::int64_t rows = count(0, "rows");
    const std::int64_t cols = count(1, "cols");
    const std::int64_t tokens = count(4, "tokens");
    VALIDATE(fields[3] == "prefill" || fields[3] == "decode", place, "phase: expected prefill or decode, got '",
             fields[3], "'");
    const auto seconds = parse<double>(fields[5]);
    VALIDATE(seconds && *seconds >= 0 && *seconds <= most_seconds, place, "seconds: expected a number from 0 to ",
             most_seconds, ", got '", fields[5], "'");
    std::string option;
    try {
      option = parse_option(fields[2]).name();
    } catch (const InputError& problem) {
      throw InputError(place + "option: " + problem.what());
    }
    const Phase phase = fields[3] == "prefill" ? Phase::prefill : Phase::decode;
    const bool fresh = entries_.emplace(Key{option, rows, cols, phase, tokens}, std::llround(*seconds * 1e12)).second;
    VALIDATE(fresh, place, "this entry is listed twice");
  }
  VALIDATE(has_header, file.string(), ": no header, expected '", header, "'");
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
