// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_view.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include "framework/config/config_node.hpp"
#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using detail::ConfigNode;
using detail::NodeKind;

/// The key path of `wanted`, such as "options[2].match". Searched only for errors: no node stores its path,
/// so that long keys around many values cost nothing.
bool find_path(const ConfigNode& node, const ConfigNode* wanted, std::string& path) {
  if (&node == wanted) return true;
  const std::size_t length = path.size();
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const ConfigNode& child = node.children[i];
    if (node.kind == NodeKind::list) {
      path += "[" + std::to_string(i) + "]";
    } else {
      path += (path.empty() ? "" : ".") + detail::shown(child.key);
    }
    if (find_path(child, wanted, path)) return true;
    path.resize(length);
  }
  return false;
}

std::string seen(const ConfigNode& node) {
  switch (node.kind) {
    case NodeKind::mapping:
      return "a mapping";
    case NodeKind::list:
      return "a list";
    case NodeKind::null:
      return "nothing";
    case NodeKind::quoted:
      return "the text \"" + detail::shown(node.text) + "\"";
    case NodeKind::plain:
      break;
  }
  return "'" + detail::shown(node.text) + "'";
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + detail::shown(name);
  return list;
}

/// 010, -007: digits behind a leading zero.
bool looks_octal(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() > 1 && text.front() == '0' && std::all_of(text.begin(), text.end(), is_digit);
}

/// The whole of a plain scalar as a number.
template <class Number>
std::optional<Number> parse_number(const ConfigNode& node) {
  Number number{};
  const char* end = node.text.data() + node.text.size();
  const auto result = std::from_chars(node.text.data(), end, number);
  if (node.kind != NodeKind::plain || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return number;
}

/// "a whole number between 1 and 8"; a bound at the end of the type's range says nothing and is left out.
template <class Number>
std::string described(const std::string& what, Number min, Number max) {
  const bool below = min > std::numeric_limits<Number>::lowest();
  const bool above = max < std::numeric_limits<Number>::max();
  std::ostringstream text;
  text << what;
  if (below && above) {
    text << " between " << min << " and " << max;
  } else if (below) {
    text << " of at least " << min;
  } else if (above) {
    text << " of at most " << max;
  }
  return text.str();
}

}  // namespace

ConfigView::ConfigView(std::shared_ptr<const detail::ConfigTree> tree, const ConfigNode* node)
    : tree_(std::move(tree)), node_(node) {}

ConfigView ConfigView::child(const ConfigNode& node) const {
  return {tree_, &node};
}

bool ConfigView::is_mapping() const {
  return node_->kind == NodeKind::mapping;
}
bool ConfigView::is_list() const {
  return node_->kind == NodeKind::list;
}
bool ConfigView::is_scalar() const {
  return node_->is_scalar();
}

ConfigView ConfigView::at(std::string_view key) const {
  if (const auto found = find(key)) return *found;
  std::vector<std::string> present;
  for (const ConfigNode& entry : node_->children) present.push_back(entry.key);
  fail("missing key '" + std::string(key) + "' (" + (present.empty() ? "it is empty" : "it has: " + joined(present)) +
       ")");
}

std::optional<ConfigView> ConfigView::find(std::string_view key) const {
  expect_mapping();
  const ConfigNode* found = node_->find(key);
  if (found == nullptr) return std::nullopt;
  return child(*found);
}

std::vector<std::pair<std::string, ConfigView>> ConfigView::items() const {
  expect_mapping();
  std::vector<std::pair<std::string, ConfigView>> result;
  for (const ConfigNode& entry : node_->children) result.emplace_back(entry.key, child(entry));
  return result;
}

std::vector<ConfigView> ConfigView::as_list() const {
  if (!is_list()) fail_expected("a list");
  std::vector<ConfigView> result;
  for (const ConfigNode& entry : node_->children) result.push_back(child(entry));
  return result;
}

std::string ConfigView::as_string() const {
  if (!is_scalar() || node_->kind == NodeKind::null) fail_expected("a text");
  return node_->text;
}

std::string ConfigView::as_one_of(const std::vector<std::string>& known) const {
  const std::string value = as_string();
  if (std::find(known.begin(), known.end(), value) != known.end()) return value;
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  fail("unknown value '" + printable(value) + "'" + did_you_mean(value, known) + " (known: " + list + ")");
}

std::int64_t ConfigView::as_int(std::int64_t min, std::int64_t max) const {
  const std::string expected = described("a whole number", min, max);
  if (node_->kind == NodeKind::plain && looks_octal(node_->text)) {
    fail_expected(expected + " without leading zeros (they look octal)");
  }
  const auto number = parse_number<std::int64_t>(*node_);
  if (!number || *number < min || *number > max) fail_expected(expected);
  return *number;
}

double ConfigView::as_double(double min, double max) const {
  const std::string expected = described("a number", min, max);
  if (node_->kind == NodeKind::plain && looks_octal(node_->text)) {
    fail_expected(expected + " without leading zeros (they look octal)");
  }
  const auto number = parse_number<double>(*node_);
  const bool finite = number && *number - *number == 0;
  if (!finite || *number < min || *number > max) fail_expected(expected);
  return *number;
}

bool ConfigView::as_bool() const {
  const bool is_true = node_->kind == NodeKind::plain && node_->text == "true";
  const bool is_false = node_->kind == NodeKind::plain && node_->text == "false";
  if (!is_true && !is_false) fail_expected("true or false");
  return is_true;
}

std::string ConfigView::text() const {
  return detail::flow_text(*node_);
}

void ConfigView::allow_keys(const std::vector<std::string>& known) const {
  expect_mapping();
  for (const ConfigNode& entry : node_->children) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const ConfigNode* unknown = &entry;
    std::string place = detail::place_text(tree_->source, unknown->key_place);
    if (unknown->override_text) place = *unknown->override_text;
    std::string path;
    find_path(tree_->root, unknown, path);
    throw InputError(place + ": " + path + ": unknown key" + did_you_mean(entry.key, known) +
                     " (known: " + joined(known) + ")");
  }
}

void ConfigView::fail(const std::string& text) const {
  // A mapping or list is where its key is; its first entry would point at the wrong line.
  const bool at_key = !node_->is_scalar() || node_->kind == NodeKind::null;
  const bool is_root = node_ == &tree_->root;
  std::string prefix = detail::place_text(tree_->source, at_key && !is_root ? node_->key_place : node_->value_place);
  if (node_->override_text) prefix = *node_->override_text;
  std::string path;
  find_path(tree_->root, node_, path);
  prefix += ": " + (path.empty() ? "" : path + ": ");
  throw InputError(text.starts_with(prefix) ? text : prefix + text);
}

void ConfigView::expect_mapping() const {
  if (!is_mapping()) fail_expected("a mapping");
}

void ConfigView::fail_expected(const std::string& expected) const {
  fail("expected " + expected + ", got " + seen(*node_));
}

}  // namespace pare::framework
