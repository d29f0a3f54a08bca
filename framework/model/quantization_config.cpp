// SPDX-License-Identifier: Apache-2.0
#include "framework/model/quantization_config.hpp"

#include <algorithm>
#include <regex>

#include "framework/config/utf8.hpp"
#include "framework/model/config_json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using detail::ConfigObject;
using Scale = WeightScheme::Scale;
using Input = WeightScheme::Input;

/// A regular expression is compiled and matched by recursion, which long ones of strangers could take beyond the stack.
constexpr std::size_t longest_pattern = 200;

constexpr const char* packed_format = "pack-quantized";
constexpr const char* int8_format = "int-quantized";

std::string one_of(const ConfigObject& object, const std::string& key, const std::vector<std::string>& known) {
  const std::string value = object.need(key, object.text(key));
  if (std::find(known.begin(), known.end(), value) != known.end()) return value;
  std::string list;
  for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
  object.fail(key, "'" + printable(value) + "' is not supported (supported: " + list + ")");
}

std::vector<std::string> read_names(const ConfigObject& object, const std::string& key) {
  std::vector<std::string> names;
  const Json* list = object.find(key);
  if (list == nullptr) return names;
  if (!list->is_array()) object.fail(key, "should be a list of names");
  for (const Json& name : *list) {
    if (!name.is_string()) object.fail(key, "should be a list of names");
    names.push_back(name.get<std::string>());
    if (!names.back().starts_with("re:")) continue;
    if (names.back().size() > longest_pattern)
      object.fail(key, "'" + printable(names.back()) + "' has more than " + std::to_string(longest_pattern) +
                           " characters, list the modules by name");
    try {
      static_cast<void>(std::regex(names.back().substr(3)));
    } catch (const std::regex_error& error) {
      object.fail(key, "'" + printable(names.back()) + "' is not a regular expression: " + error.what());
    }
  }
  return names;
}

void read_weights(const ConfigObject& weights, WeightScheme& scheme) {
  scheme.bits = static_cast<int>(weights.need("num_bits", weights.whole("num_bits", 1, 64)));
  if (scheme.bits != 8 && !(scheme.packed && scheme.bits == 4))
    weights.fail("num_bits", std::to_string(scheme.bits) + " is not supported (supported: 8, and 4 when packed)");
  if (weights.text("type").value_or("int") != "int") weights.fail("type", "is not supported (supported: int)");
  if (!weights.is_null("actorder") && weights.text("actorder").value_or("") == "group")
    weights.fail("actorder", "reordered groups are not supported");
  scheme.symmetric = weights.flag("symmetric").value_or(true);
  const std::string strategy = one_of(weights, "strategy", {"tensor", "channel", "group"});
  scheme.scale = strategy == "tensor" ? Scale::tensor : strategy == "channel" ? Scale::channel : Scale::group;
  if (scheme.packed && scheme.scale == Scale::tensor)
    weights.fail("strategy", "packed weights have channels or groups");
  if (!scheme.packed && scheme.scale == Scale::group) weights.fail("strategy", "int8 weights have no groups");
  if (!scheme.packed && !scheme.symmetric) weights.fail("symmetric", "int8 weights are symmetric");
  if (scheme.scale == Scale::group)
    scheme.group_size = static_cast<int>(weights.need("group_size", weights.whole("group_size", 1, 1 << 20)));
}

Input read_input(const ConfigObject& group) {
  const auto input = group.object("input_activations");
  if (!input) return Input::as_is;
  if (input->whole("num_bits", 1, 64).value_or(8) != 8 || input->text("type").value_or("int") != "int")
    input->fail("num_bits", "activations of 8 bits, type int, are supported");
  if (!input->flag("symmetric").value_or(true)) input->fail("symmetric", "should be true");
  const bool token = one_of(*input, "strategy", {"token", "tensor"}) == "token";
  if (input->flag("dynamic").value_or(false) != token)
    input->fail("dynamic", "should be true with the strategy token, false with tensor");
  return token ? Input::token : Input::tensor;
}

bool matches(const std::string& pattern, const std::string& module) {
  if (!pattern.starts_with("re:")) return pattern == module;
  return std::regex_search(module, std::regex(pattern.substr(3)), std::regex_constants::match_continuous);
}

Json input_json(Input input) {
  if (input == Input::as_is) return nullptr;
  const bool token = input == Input::token;
  return {{"num_bits", 8},
          {"type", "int"},
          {"symmetric", true},
          {"strategy", token ? "token" : "tensor"},
          {"dynamic", token}};
}

Json weights_json(const WeightScheme& scheme) {
  const char* strategies[] = {"tensor", "channel", "group"};
  Json json{{"num_bits", scheme.bits},
            {"type", "int"},
            {"symmetric", scheme.symmetric},
            {"strategy", strategies[static_cast<int>(scheme.scale)]},
            {"dynamic", false}};
  if (scheme.scale == Scale::group) json["group_size"] = scheme.group_size;
  return json;
}

}  // namespace

QuantizationConfig::QuantizationConfig(const Json& json, const std::string& source) {
  const ConfigObject config(json, source, "quantization_config.");
  one_of(config, "quant_method", {"compressed-tensors"});
  ignore_ = read_names(config, "ignore");
  const auto groups = config.object("config_groups");
  if (!groups) config.fail("config_groups", "is missing");
  for (const auto& [name, value] : json["config_groups"].items()) {
    if (!value.is_object()) groups->fail(name, "should be an object");
    const ConfigObject group(value, source, "quantization_config.config_groups." + name + ".");
    Group& entry = groups_.emplace_back();
    entry.targets = read_names(group, "targets");
    const ConfigObject& naming = group.has("format") ? group : config;
    entry.scheme.packed = one_of(naming, "format", {packed_format, int8_format}) == packed_format;
    const auto weights = group.object("weights");
    if (!weights) group.fail("weights", "is missing");
    read_weights(*weights, entry.scheme);
    entry.scheme.input = read_input(group);
    if (entry.scheme.packed && entry.scheme.input != Input::as_is)
      group.fail("input_activations", "quantized inputs of packed weights are not supported");
  }
}

std::optional<WeightScheme> QuantizationConfig::scheme_of(const std::string& module) const {
  for (const std::string& pattern : ignore_)
    if (pattern == "Linear" || matches(pattern, module)) return std::nullopt;
  const std::vector<bool (*)(const std::string&, const std::string&)> ways{
      [](const std::string& target, const std::string& name) { return target == name; },
      [](const std::string& target, const std::string& name) {
        return target.starts_with("re:") && matches(target, name);
      },
      [](const std::string& target, const std::string&) { return target == "Linear"; }};
  for (const auto& way : ways) {
    for (const Group& group : groups_)
      for (const std::string& target : group.targets)
        if (way(target, module)) return group.scheme;
  }
  return std::nullopt;
}

QuantizationConfig read_quantization_config(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "config.json";
  const Json document = parse_json_file(file);
  const auto found = document.find("quantization_config");
  if (found == document.end() || found->is_null()) return {};
  VALIDATE(found->is_object(), file.string(), ": quantization_config: should be an object");
  return {*found, file.string()};
}

Json quantization_json(const std::vector<std::pair<std::string, WeightScheme>>& modules,
                       const std::vector<std::string>& ignore) {
  Json groups = Json::object();
  std::vector<std::pair<WeightScheme, std::string>> known;  // in the order of their first module
  for (const auto& each : modules) {
    const WeightScheme& scheme = each.second;
    auto group = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.first == scheme; });
    if (group == known.end()) {
      group = known.insert(known.end(), {scheme, "group_" + std::to_string(known.size())});
      groups[group->second] = {{"targets", Json::array()},
                               {"weights", weights_json(scheme)},
                               {"input_activations", input_json(scheme.input)},
                               {"output_activations", nullptr},
                               {"format", scheme.packed ? packed_format : int8_format}};
    }
    groups[group->second]["targets"].push_back(each.first);
  }
  const auto format_of = [](const WeightScheme& scheme) { return scheme.packed ? packed_format : int8_format; };
  std::string format = known.empty() ? "dense" : format_of(known.front().first);
  for (const auto& [scheme, name] : known)
    if (format != format_of(scheme)) format = "mixed-precision";
  Json ignored = Json::array({"lm_head"});
  for (const std::string& module : ignore) ignored.push_back(module);
  return {{"quant_method", "compressed-tensors"},
          {"format", format},
          {"quantization_status", "compressed"},
          {"config_groups", groups},
          {"ignore", ignored},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace pare::framework
