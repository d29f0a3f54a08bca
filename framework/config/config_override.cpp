// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_override.hpp"

#include <algorithm>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework::detail {
namespace {

std::vector<std::string> split_path(std::string_view path, const std::string& origin) {
  std::vector<std::string> keys;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    keys.emplace_back(path.substr(begin, end - begin));
    VALIDATE(!keys.back().empty(), origin, ": an empty key before '=', expected such as search.seed=2");
    VALIDATE(keys.back().size() <= maximum_key_bytes, origin, ": a key longer than ", maximum_key_bytes, " bytes");
    begin = end + 1;
  }
  VALIDATE(keys.size() <= static_cast<std::size_t>(maximum_depth), origin, ": nested deeper than ", maximum_depth,
           " levels");
  return keys;
}

/// Number of mappings and lists inside each other.
int depth_of(const ConfigNode& node) {
  if (node.is_scalar()) return 0;
  int deepest = 0;
  for (const ConfigNode& child : node.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

void set_origin(ConfigNode& node, const std::shared_ptr<const std::string>& origin) {
  node.override_text = origin;
  for (ConfigNode& child : node.children) set_origin(child, origin);
}

ConfigNode& child_of(ConfigNode& mapping, const std::string& key, const std::shared_ptr<const std::string>& origin) {
  for (ConfigNode& child : mapping.children) {
    if (child.key == key) return child;
  }
  ConfigNode& added = mapping.children.emplace_back();
  added.key = key;
  added.override_text = origin;
  return added;
}

}  // namespace

void apply_override(ConfigNode& root, const std::string& text, const std::set<std::string>& alternatives) {
  const std::string origin = "--set " + shown(text);
  check_characters(text, origin, true);
  const std::size_t equals = text.find('=');
  VALIDATE(equals != std::string::npos && equals > 0, origin, ": expected <key path>=<value> such as search.seed=2");
  const std::vector<std::string> keys = split_path(std::string_view(text).substr(0, equals), origin);
  const std::string value_text = text.substr(equals + 1);
  VALIDATE(value_text.find_first_not_of(" \t\r\n") != std::string::npos, origin,
           ": no value after '=' (write '' for an empty text)");
  ConfigNode value = parse_yaml(value_text, origin, true);
  VALIDATE(static_cast<int>(keys.size()) + depth_of(value) <= maximum_depth, origin, ": nested deeper than ",
           maximum_depth, " levels");

  const auto shared_origin = std::make_shared<const std::string>(origin);
  ConfigNode* node = &root;
  std::string path;
  for (const std::string& key : keys) {
    if (node->kind == NodeKind::null) {
      node->kind = NodeKind::mapping;
      node->override_text = shared_origin;
    }
    VALIDATE(node->kind == NodeKind::mapping, origin, ": ", path, " is ",
             node->kind == NodeKind::list ? "a list, set it as a whole" : "a single value and has no keys");
    const std::string above = path.empty() ? "" : path + ".";
    if (alternatives.contains(above + key)) {
      std::erase_if(node->children, [&](const ConfigNode& sibling) {
        return sibling.key != key && alternatives.contains(above + sibling.key);
      });
    }
    node = &child_of(*node, key, shared_origin);
    path += (path.empty() ? "" : ".") + key;
  }
  node->kind = value.kind;
  node->text = std::move(value.text);
  node->children = std::move(value.children);
  set_origin(*node, shared_origin);
}

}  // namespace pare::framework::detail
