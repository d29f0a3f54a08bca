// SPDX-License-Identifier: Apache-2.0
#include "framework/io/json.hpp"

#include <set>
#include <vector>

#include "framework/io/mapped_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr int max_depth = 64;
constexpr std::size_t max_bytes = std::size_t{256} << 20;

}  // namespace

Json parse_json(std::string_view text, const std::string& source) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    VALIDATE(depth <= max_depth, source, ": nested deeper than ", max_depth, " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      VALIDATE(keys.back().insert(key).second, source, ": key '", key, "' appears twice in one object");
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    throw InputError(source + ": is not JSON, error at byte " + std::to_string(error.byte));
  }
}

Json parse_json_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  VALIDATE(file.bytes().size() <= max_bytes, path.string(), ": ", file.bytes().size(), " bytes are too many for a JSON file");
  return parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path.string());
}

}  // namespace pare::framework
