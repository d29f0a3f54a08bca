// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/latency_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>

#include "framework/config/utf8.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/h5_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

constexpr const char* short_header = "rows,cols,option,phase,tokens,seconds";
constexpr const char* long_header = "rows,cols,option,phase,tokens,seconds,lowest,highest";
constexpr std::uintmax_t longest_text = std::uintmax_t{64} << 20;
constexpr std::int64_t most_rows = 1'000'000;
constexpr double most_seconds = 1000;
constexpr const char* format_name = "pare latency table";

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

// Below, `place` is where an entry stands: "file.csv:3: ".

void check_count(std::int64_t value, const char* name, const std::string& place) {
  VALIDATE(value > 0, place, name, ": expected a whole number of at least 1, got '", value, "'");
}

Phase phase_of(const std::string& text, const std::string& place) {
  VALIDATE(text == "prefill" || text == "decode", place, "phase: expected prefill or decode, got '", printable(text),
           "'");
  return text == "prefill" ? Phase::prefill : Phase::decode;
}

std::string option_of(const std::string& text, const std::string& place) {
  try {
    return parse_option(text).name();
  } catch (const InputError& problem) {
    throw InputError(place + "option: " + problem.what());
  }
}

/// Takes sound entries, each once.
class Entries {
 public:
  void add(LatencyEntry entry, const std::string& place) {
    for (const double seconds : {entry.seconds, entry.lowest, entry.highest})
      VALIDATE(seconds >= 0 && seconds <= most_seconds, place, "seconds: expected a number from 0 to ", most_seconds,
               ", got '", seconds, "'");
    const bool fresh =
        seen_.emplace(entry.option, entry.shape.outputs, entry.shape.inputs, entry.phase, entry.tokens).second;
    VALIDATE(fresh, place, "this entry is listed twice");
    entries_.push_back(std::move(entry));
  }

  std::vector<LatencyEntry> take() { return std::move(entries_); }

 private:
  std::set<std::tuple<std::string, std::int64_t, std::int64_t, Phase, std::int64_t>> seen_;
  std::vector<LatencyEntry> entries_;
};

double seconds_of(const std::string& text, const std::string& place) {
  const auto value = parse<double>(text);
  VALIDATE(value && std::isfinite(*value), place, "seconds: expected a number from 0 to ", most_seconds, ", got '",
           printable(text), "'");
  return *value;
}

std::int64_t count_of(const std::string& text, const char* name, const std::string& place) {
  const auto value = parse<std::int64_t>(text);
  VALIDATE(value && *value > 0, place, name, ": expected a whole number of at least 1, got '", printable(text), "'");
  return *value;
}

std::vector<LatencyEntry> read_text(const fs::path& file) {
  const std::uintmax_t size = fs::file_size(file);
  VALIDATE(size <= longest_text, file.string(), ": ", size, " bytes are too many for a latency table (at most ",
           longest_text, ")");
  std::ifstream stream(file);
  Entries entries;
  std::string line;
  const char* header = nullptr;
  for (int number = 1; std::getline(stream, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string place = file.string() + ":" + std::to_string(number) + ": ";
    if (header == nullptr) {
      VALIDATE(text == short_header || text == long_header, place, "expected the header '", short_header, "', got '",
               printable(text.substr(0, 80)), "'");
      header = text == short_header ? short_header : long_header;
      continue;
    }
    const std::vector<std::string> fields = split(text);
    const std::size_t wanted = header == short_header ? 6 : 8;
    VALIDATE(fields.size() == wanted, place, "expected ", wanted, " fields (", header, "), got ", fields.size());
    LatencyEntry entry;
    entry.shape = {count_of(fields[0], "rows", place), count_of(fields[1], "cols", place)};
    entry.tokens = count_of(fields[4], "tokens", place);
    entry.phase = phase_of(fields[3], place);
    entry.seconds = seconds_of(fields[5], place);
    entry.lowest = wanted == 8 ? seconds_of(fields[6], place) : entry.seconds;
    entry.highest = wanted == 8 ? seconds_of(fields[7], place) : entry.seconds;
    entry.option = option_of(fields[2], place);
    entries.add(std::move(entry), place);
  }
  VALIDATE(header != nullptr, file.string(), ": no header, expected '", short_header, "'");
  return entries.take();
}

std::vector<LatencyEntry> read_h5(const fs::path& file) {
  const H5File h5 = H5File::open(file);
  VALIDATE(h5.has_attribute("/", "format") && h5.string_attribute("/", "format") == format_name, file.string(),
           ": is no latency table (a file of `pare profile`, or text with the header ", short_header, ")");
  const std::vector<std::int64_t> shape = h5.shape("/rows");
  VALIDATE(shape.size() == 1 && shape[0] <= most_rows, file.string(), ": /rows should be one row of at most ",
           most_rows, " numbers");
  const auto same_length = [&](auto column, const char* name) {
    VALIDATE(std::ssize(column) == shape[0], file.string(), ": ", name, " has ", column.size(), " rows instead of ",
             shape[0]);
    return column;
  };
  const auto counts = [&](const char* name) { return same_length(h5.read<std::int64_t>(name), name); };
  const auto numbers = [&](const char* name) { return same_length(h5.read<double>(name), name); };
  const auto texts = [&](const char* name) { return same_length(h5.read_strings(name), name); };
  const auto rows = counts("/rows"), cols = counts("/cols"), tokens = counts("/tokens");
  const auto options = texts("/option"), phases = texts("/phase");
  const auto seconds = numbers("/seconds"), lowest = numbers("/lowest"), highest = numbers("/highest");
  Entries entries;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::string place = fmt::format("{}: row {}: ", file.string(), r);
    check_count(rows[r], "rows", place);
    check_count(cols[r], "cols", place);
    check_count(tokens[r], "tokens", place);
    entries.add({.shape = {rows[r], cols[r]},
                 .option = option_of(options[r], place),
                 .phase = phase_of(phases[r], place),
                 .tokens = tokens[r],
                 .seconds = seconds[r],
                 .lowest = lowest[r],
                 .highest = highest[r]},
                place);
  }
  return entries.take();
}

bool is_h5(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string start(4, '\0');
  stream.read(start.data(), 4);
  return start == "\x89HDF";
}

void write_text(const fs::path& file, const std::vector<LatencyEntry>& entries, const LatencyFacts& facts) {
  std::string text;
  for (const auto& [key, value] : facts) text += fmt::format("# {}: {}\n", key, value);
  text += std::string(long_header) + "\n";
  for (const LatencyEntry& e : entries)
    text += fmt::format("{},{},{},{},{},{:.6g},{:.6g},{:.6g}\n", e.shape.outputs, e.shape.inputs, e.option,
                        phase_name(e.phase), e.tokens, e.seconds, e.lowest, e.highest);
  write_file_atomically(file, text);
}

void write_h5(const fs::path& file, const std::vector<LatencyEntry>& entries, const LatencyFacts& facts) {
  H5File h5 = H5File::create(file);
  h5.set_attribute("/", "format", std::string(format_name));
  for (const auto& [key, value] : facts) h5.set_attribute("/", key, value);
  const auto put = [&](const char* name, const char* units, const char* description, auto field) {
    std::vector<decltype(field(entries.front()))> values;
    for (const LatencyEntry& entry : entries) values.push_back(field(entry));
    h5.write(name, values);
    h5.describe(name, units, description);
  };
  put("/rows", "1", "outputs of the layer under the option", [](const LatencyEntry& e) { return e.shape.outputs; });
  put("/cols", "1", "inputs of the layer under the option", [](const LatencyEntry& e) { return e.shape.inputs; });
  put("/option", "1", "how the layer is compressed", [](const LatencyEntry& e) { return e.option; });
  put("/phase", "1", "prefill or decode", [](const LatencyEntry& e) { return phase_name(e.phase); });
  put("/tokens", "1", "tokens of one pass", [](const LatencyEntry& e) { return e.tokens; });
  put("/seconds", "s", "median time of one pass", [](const LatencyEntry& e) { return e.seconds; });
  put("/lowest", "s", "shortest time of one pass", [](const LatencyEntry& e) { return e.lowest; });
  put("/highest", "s", "longest time of one pass", [](const LatencyEntry& e) { return e.highest; });
  h5.commit();
}

}  // namespace

std::string phase_name(Phase phase) {
  return phase == Phase::prefill ? "prefill" : "decode";
}

std::vector<LatencyEntry> read_latency_file(const fs::path& file) {
  std::error_code error;
  const bool regular = fs::is_regular_file(file, error);
  VALIDATE(regular, file.string(),
           ": cannot be read as a latency table: ", error ? error.message() : "it is no regular file");
  return is_h5(file) ? read_h5(file) : read_text(file);
}

void write_latency_file(const fs::path& file, const std::vector<LatencyEntry>& entries, const LatencyFacts& facts) {
  if (file.extension() == ".csv")
    write_text(file, entries, facts);
  else
    write_h5(file, entries, facts);
}

}  // namespace pare::framework
