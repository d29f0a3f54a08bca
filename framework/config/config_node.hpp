// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// The tree behind ConfigDocument and ConfigView. Only the sources of framework/config include this header.
namespace pare::framework::detail {

/// Line and column, both counted from 1.
struct Place {
  int line = 1;
  int column = 1;
};

enum class NodeKind { null, plain, quoted, list, mapping };

/// One value of a document together with the key it stands under (empty in a list and at the root).
struct ConfigNode {
  NodeKind kind = NodeKind::null;
  std::string key;
  std::string text;  ///< of a scalar
  std::vector<ConfigNode> children;
  Place key_place;
  Place value_place;
  std::shared_ptr<const std::string> override_text;  ///< "--set a.b=value" where the node came from one

  bool is_scalar() const { return kind != NodeKind::list && kind != NodeKind::mapping; }
  const ConfigNode* find(std::string_view name) const {
    for (const ConfigNode& child : children) {
      if (child.key == name) return &child;
    }
    return nullptr;
  }
};

struct ConfigTree {
  std::string source;
  ConfigNode root;
};

constexpr std::size_t maximum_bytes = 1 << 20;
constexpr int maximum_depth = 32;
constexpr std::size_t maximum_key_bytes = 200;

/// Where an error happened: "<source>:<line>:<column>", or the --set text of an override.
std::string place_text(const std::string& source, Place place);

/// At most 60 bytes of what a user wrote, with everything unprintable replaced: safe to put into an error.
std::string shown(std::string_view text);

/// Refuses text that is not valid UTF-8 or holds control characters. `is_override` as in parse_yaml.
void check_characters(std::string_view text, const std::string& source, bool is_override);

/// Parses one YAML document, of any kind. `source` names the file; for an override it is the whole "--set
/// a.b=value" and errors carry no line and column.
ConfigNode parse_yaml(const std::string& text, const std::string& source, bool is_override);

/// The node as YAML on one line. A scalar is quoted unless it reads back as the same kind of scalar without
/// quotes.
std::string flow_text(const ConfigNode& node);
/// A mapping as YAML in lines, one key a line, nested mappings indented, lists on one line or one entry a
/// line.
std::string block_text(const ConfigNode& mapping);

}  // namespace pare::framework::detail
