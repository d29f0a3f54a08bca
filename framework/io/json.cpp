// SPDX-License-Identifier: Apache-2.0
#include "framework/io/json.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "framework/config/utf8.hpp"
#include "framework/io/mapped_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr int largest_depth = 64;
constexpr std::size_t largest_file = std::size_t{256} << 20;

/// "SOURCE:LINE:COLUMN: " of a byte.
std::string place_in(std::string_view text, std::size_t index, const std::string& source) {
  index = std::min(index, text.size());
  const std::string_view before = text.substr(0, index);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return pare::detail::concatenate(source, ":", line, ":", index - start + 1, ": ");
}

/// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." without what we say
/// ourselves.
std::string reason_of(const nlohmann::json::exception& error) {
  const std::string text = error.what();
  const std::size_t column = text.find("column ");
  const std::size_t colon = text.find(": ", column == std::string::npos ? 0 : column);
  return printable(colon == std::string::npos ? text : text.substr(colon + 2));
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source) {
  VALIDATE(text.find('\0') == std::string_view::npos, place_in(text, text.find('\0'), source),
           "not JSON, there is a zero byte");
  std::vector<std::set<std::string>> keys;
  // The callback knows neither position nor source, so it leaves by an exception of its own.
  struct Refused {
    std::string what;
  };
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > largest_depth) throw Refused{"nested more than 64 levels deep"};
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw Refused{"key '" + printable(value.get<std::string>()) + "' is there twice in one object"};
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Refused& refused) {
    throw InputError(source + ": " + refused.what);
  } catch (const nlohmann::json::parse_error& error) {
    throw InputError(place_in(text, error.byte == 0 ? 0 : error.byte - 1, source) + "not JSON (" + reason_of(error) +
                     ")");
  } catch (const nlohmann::json::exception& error) {
    throw InputError(source + ": not JSON (" + reason_of(error) + ")");
  }
}

Json parse_json_file(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  VALIDATE(bytes.size() <= largest_file, file.string(), ": is larger than 256 MiB, too large for a JSON file");
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string());
}

}  // namespace pare::framework
