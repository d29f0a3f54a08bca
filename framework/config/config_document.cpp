// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_document.hpp"

#include <fstream>
#include <utility>

#include "framework/config/config_node.hpp"
#include "framework/config/config_override.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

ConfigDocument::ConfigDocument(std::shared_ptr<const detail::ConfigTree> tree) : tree_(std::move(tree)) {}

ConfigDocument ConfigDocument::parse(const std::string& text, const std::string& source) {
  detail::ConfigTree tree{source, detail::parse_yaml(text, source, false)};
  VALIDATE(tree.root.kind != detail::NodeKind::null, source, ": empty, expected keys and values such as 'schema: 1'");
  VALIDATE(tree.root.kind == detail::NodeKind::mapping, detail::place_text(source, tree.root.value_place),
           ": expected keys and values such as 'schema: 1' at the top, got ",
           tree.root.kind == detail::NodeKind::list ? "a list" : "'" + detail::shown(tree.root.text) + "'");
  return ConfigDocument(std::make_shared<const detail::ConfigTree>(std::move(tree)));
}

ConfigDocument ConfigDocument::read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  VALIDATE(in.good() && !std::filesystem::is_directory(file), file.string(), ": cannot be read, is it there?");
  // One byte more than allowed is enough to see that there is too much, also from a device that never ends.
  std::string text(detail::maximum_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  VALIDATE(text.size() <= detail::maximum_bytes, file.string(), ": more than the ", detail::maximum_bytes,
           " bytes allowed");
  return parse(text, file.string());
}

void ConfigDocument::apply_overrides(const std::vector<std::string>& overrides,
                                     const std::set<std::string>& alternatives) {
  detail::ConfigTree tree = *tree_;
  for (const std::string& text : overrides) detail::apply_override(tree.root, text, alternatives);
  tree_ = std::make_shared<const detail::ConfigTree>(std::move(tree));
}

ConfigView ConfigDocument::root() const {
  return {tree_, &tree_->root};
}

std::string ConfigDocument::resolved_text() const {
  return detail::block_text(tree_->root);
}

}  // namespace pare::framework
