// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "framework/config/config_view.hpp"

namespace pare::framework {

/// A YAML file of settings, read strictly: what could be understood in two ways is refused, with file, line
/// and column. At most 1 MB of valid UTF-8, nested at most 32 deep, one document whose root is a mapping with
/// texts of at most 200 bytes as keys; no key twice, no anchors, aliases, merge keys or tags; quoted texts
/// end on their line. Hence the work and the memory are bounded by the size of the text, whoever wrote it.
///
///   auto document = ConfigDocument::read("configs/quickstart.yaml");
///   document.apply_overrides({"budget.bits_per_weight=3.5"}, {"budget.bits_per_weight", "budget.bytes"});
///   document.root().allow_keys({"model", "budget"});
///   const double bits = document.root().at("budget").at("bits_per_weight").as_double(0.01, 64);
///
/// Decision: the tree is our own, filled from the events of the YAML parser. The parser's own nodes share and
/// change state behind copies, expand aliases, and know neither overrides nor key paths; all texts of errors
/// need those.
class ConfigDocument {
 public:
  /// `source` is what errors call the document, usually the file's name. Throws InputError.
  static ConfigDocument parse(const std::string& text, const std::string& source);
  static ConfigDocument read(const std::filesystem::path& file);

  /// Applies "a.b.c=value" in the order given, the value being YAML (12, text, [a, b], {x: 1}). Creates or
  /// replaces a.b.c and leaves its siblings alone, except that of siblings whose key paths are both in
  /// `alternatives` the one set drops the other: they say the same thing in different ways. All or nothing; throws
  /// InputError.
  void apply_overrides(const std::vector<std::string>& overrides, const std::set<std::string>& alternatives);

  ConfigView root() const;
  /// The document after overrides as YAML, keys in the order of the document; parses to the same document
  /// again.
  std::string resolved_text() const;

 private:
  explicit ConfigDocument(std::shared_ptr<const detail::ConfigTree> tree);

  std::shared_ptr<const detail::ConfigTree> tree_;
};

}  // namespace pare::framework
