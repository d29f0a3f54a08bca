// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <set>
#include <sstream>

#include "framework/config/config_node.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework::detail {
namespace {

/// Length of the UTF-8 sequence at `position`, 0 when there is no valid one (also overlong, surrogate, too
/// large).
std::size_t sequence_length(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || position + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

/// Builds the tree from the parser's events and refuses what the rules of ConfigDocument refuse.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& source, bool is_override)
      : text_(text), source_(source), is_override_(is_override) {}

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& problem) const {
    throw InputError((is_override_ ? source_ : place_text(source_, place_of(mark))) + ": " + problem);
  }

  ConfigNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    fail(mark, "anchor '&" + shown(name) + "' (anchors and aliases are not supported), write the value out");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "an alias (anchors and aliases are not supported), write the value out");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add_scalar(mark, "?", anchor, "", NodeKind::null);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    add_scalar(mark, tag, anchor, value, tag == "!" ? NodeKind::quoted : NodeKind::plain);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, NodeKind::mapping);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    ConfigNode node;
    std::set<std::string> keys;  ///< of a mapping
    std::string key;             ///< read, waiting for its value
    Place key_place;
    bool has_key = false;
  };

  static Place place_of(const YAML::Mark& mark) {
    return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
  }

  void check_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor)
      fail(mark, "an anchor (anchors and aliases are not supported), write the value out");
    if (!tag.empty() && tag != "?" && tag != "!")
      fail(mark, "tag '" + shown(tag) + "' (tags are not supported), drop it");
  }

  /// yaml-cpp 0.7 ends a quoted text silently where a line is indented less, and reads \N \_ \L \P as
  /// single bytes.
  void check_quoted(const YAML::Mark& mark) const {
    const auto begin = static_cast<std::size_t>(mark.pos);
    if (mark.pos < 0 || begin >= text_.size()) return;
    const char quote = text_[begin];
    if (quote == '!') fail(mark, "a tag (tags are not supported), drop it");
    if (quote != '\'' && quote != '"') return;
    for (std::size_t i = begin + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (quote == '"' && text_[i] == '\\') {
        const char escaped = i + 1 < text_.size() ? text_[i + 1] : '\n';
        if (std::string_view("N_LP").find(escaped) != std::string_view::npos) {
          fail(mark, std::string("escape '\\") + escaped + "' (not supported), write \\u and four digits");
        }
        if (escaped != '\n' && escaped != '\r') ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != '\'') return;
        ++i;
      }
    }
    fail(mark, "a quoted text that does not end on its line, close it or use a block text (|)");
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().node.kind == NodeKind::mapping && !open_.back().has_key;
  }

  void add_key(const YAML::Mark& mark, NodeKind kind, const std::string& key) {
    Open& parent = open_.back();
    if (kind == NodeKind::null || key.empty()) fail(mark, "a key without a name");
    if (kind == NodeKind::plain && key == "<<") fail(mark, "merge key '<<' (not supported), write the values out");
    if (key.size() > maximum_key_bytes) {
      fail(mark, "key '" + shown(key) + "' is longer than " + std::to_string(maximum_key_bytes) + " bytes");
    }
    if (!parent.keys.insert(key).second) fail(mark, "key '" + shown(key) + "' is given twice, keep one");
    parent.key = key;
    parent.key_place = place_of(mark);
    parent.has_key = true;
  }

  void add_scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value,
                  NodeKind kind) {
    check_properties(mark, tag, anchor);
    if (kind == NodeKind::quoted) check_quoted(mark);
    if (value.find('\0') != std::string::npos) fail(mark, "a text with the character NUL");
    if (wants_key()) return add_key(mark, kind, value);
    ConfigNode node;
    node.kind = kind;
    node.text = value;
    node.value_place = place_of(mark);
    add_value(std::move(node));
  }

  void add_value(ConfigNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == NodeKind::mapping) {
      node.key = std::move(parent.key);
      node.key_place = parent.key_place;
      parent.has_key = false;
    } else {
      node.key_place = node.value_place;
    }
    parent.node.children.push_back(std::move(node));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, NodeKind kind) {
    check_properties(mark, tag, anchor);
    if (wants_key()) fail(mark, "a key that is a mapping or a list, or a bracket that is not closed");
    if (open_.size() >= static_cast<std::size_t>(maximum_depth)) {
      fail(mark, "nested deeper than " + std::to_string(maximum_depth) + " levels");
    }
    Open& opened = open_.emplace_back();
    opened.node.kind = kind;
    opened.node.value_place = place_of(mark);
  }

  void close() {
    ConfigNode node = std::move(open_.back().node);
    open_.pop_back();
    add_value(std::move(node));
  }

  std::string_view text_;
  std::string source_;
  bool is_override_;
  ConfigNode root_;
  std::vector<Open> open_;
};

}  // namespace

void check_characters(std::string_view text, const std::string& source, bool is_override) {
  Place place;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t length = sequence_length(text, position);
    if (length == 0 || is_control(text[position])) {
      throw InputError((is_override ? source : place_text(source, place)) + ": " +
                       (length == 0 ? "not valid UTF-8, save the text as UTF-8" : "a control character, remove it"));
    }
    place = text[position] == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
    position += length;
  }
}

std::string place_text(const std::string& source, Place place) {
  return source + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string shown(std::string_view text) {
  constexpr std::size_t limit = 60;
  std::string result;
  for (std::size_t position = 0; position < text.size();) {
    if (result.size() >= limit) return result + "...";
    const std::size_t length = sequence_length(text, position);
    const bool printable = length > 0 && static_cast<unsigned char>(text[position]) >= 0x20 && text[position] != 0x7F;
    result += printable ? text.substr(position, length) : std::string_view("?");
    position += std::max<std::size_t>(length, 1);
  }
  return result;
}

ConfigNode parse_yaml(const std::string& text, const std::string& source, bool is_override) {
  VALIDATE(text.size() <= maximum_bytes, source, ": ", text.size(), " bytes, more than the ", maximum_bytes,
           " allowed");
  check_characters(text, source, is_override);
  // The parser counts positions behind the byte order mark.
  const std::string_view body = std::string_view(text).substr(text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  TreeBuilder builder(body, source, is_override);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    ConfigNode root = builder.take_root();
    TreeBuilder rest(body, source, is_override);
    if (parser.HandleNextDocument(rest))
      rest.fail(YAML::Mark::null_mark(), "holds more than one YAML document, keep one");
    return root;
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark, "not valid YAML: " + error.msg);
  }
}

}  // namespace pare::framework::detail
