// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "framework/config/config_node.hpp"

namespace pare::framework::detail {
namespace {

bool is_letter_or_digit(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
}

/// Characters that mean nothing to YAML at any place of a scalar, begun by one that starts no indicator.
bool is_safe_without_quotes(std::string_view text) {
  const auto is_safe = [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '/' || c == '+' || c == '-';
  };
  if (text.empty() || text.size() > maximum_key_bytes || !std::all_of(text.begin(), text.end(), is_safe)) return false;
  if (text.front() == '-' || text.front() == '+') return text.size() > 1 && is_letter_or_digit(text[1]);
  return text.front() != '.' || text.substr(0, 3) != "...";
}

/// Whether some reader takes the text without quotes for something else than a text.
bool could_be_other_than_text(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "inf", "nan", "infinity"}) {
    if (lower == word) return true;
  }
  return std::isdigit(static_cast<unsigned char>(text.front())) != 0 || text.front() == '.' || text.front() == '-' ||
         text.front() == '+';
}

std::string quoted(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += std::string("\\") + c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string scalar_text(NodeKind kind, std::string_view text) {
  if (kind == NodeKind::null) return "null";
  const bool plain = is_safe_without_quotes(text) && (kind == NodeKind::plain || !could_be_other_than_text(text));
  return plain ? std::string(text) : quoted(text);
}

std::string key_text(const ConfigNode& node) {
  return scalar_text(NodeKind::quoted, node.key);
}

void append_block(const ConfigNode& mapping, const std::string& indent, std::string& out) {
  for (const ConfigNode& child : mapping.children) {
    out += indent + key_text(child) + ":";
    const bool nested = std::any_of(child.children.begin(), child.children.end(),
                                    [](const ConfigNode& grandchild) { return !grandchild.is_scalar(); });
    if (child.kind == NodeKind::mapping && !child.children.empty()) {
      out += "\n";
      append_block(child, indent + "  ", out);
    } else if (child.kind == NodeKind::list && nested) {
      out += "\n";
      for (const ConfigNode& entry : child.children) out += indent + "  - " + flow_text(entry) + "\n";
    } else {
      out += " " + flow_text(child) + "\n";
    }
  }
}

}  // namespace

std::string flow_text(const ConfigNode& node) {
  if (node.is_scalar()) return scalar_text(node.kind, node.text);
  const bool is_mapping = node.kind == NodeKind::mapping;
  std::string result = is_mapping ? "{" : "[";
  for (const ConfigNode& child : node.children) {
    if (&child != &node.children.front()) result += ", ";
    if (is_mapping) result += key_text(child) + ": ";
    result += flow_text(child);
  }
  return result + (is_mapping ? "}" : "]");
}

std::string block_text(const ConfigNode& mapping) {
  if (mapping.children.empty()) return "{}\n";
  std::string result;
  append_block(mapping, "", result);
  return result;
}

}  // namespace pare::framework::detail
