// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pare::framework {

namespace detail {
struct ConfigNode;
struct ConfigTree;
}  // namespace detail

/// One value of a ConfigDocument: a mapping, a list or a scalar. A cheap value that keeps the tree it looks
/// at alive; later overrides of the document do not change it. Every function but the questions throws
/// InputError when the value is not what the caller asks for, with a text that names place, key path,
/// expectation and the value seen:
///
///   configs/x.yaml:7:3: budget.bits_per_wieght: unknown key, did you mean 'bits_per_weight'? (known: ...)
///   --set search.seed=abc: search.seed: expected a whole number of at least 0, got 'abc'
class ConfigView {
 public:
  bool is_mapping() const;
  bool is_list() const;
  /// Also true of a key without a value.
  bool is_scalar() const;

  ConfigView at(std::string_view key) const;
  /// Empty when the key is not there.
  std::optional<ConfigView> find(std::string_view key) const;
  /// Keys and values of a mapping in the order of the document.
  std::vector<std::pair<std::string, ConfigView>> items() const;
  std::vector<ConfigView> as_list() const;
  /// Any scalar with a value, also 12 or true.
  std::string as_string() const;
  /// A text that is one of `known`.
  std::string as_one_of(const std::vector<std::string>& known) const;
  /// Decimal digits without quotes. 010 is refused: YAML 1.1 reads it as 8, YAML 1.2 as 10.
  std::int64_t as_int(std::int64_t min, std::int64_t max) const;
  double as_double(double min, double max) const;
  /// true or false; yes, no, on and off are refused.
  bool as_bool() const;
  /// The value as YAML on one line, the same for every way of writing it down.
  std::string text() const;

  /// Refuses a mapping with a key that is not among `known`.
  void allow_keys(const std::vector<std::string>& known) const;
  /// Throws InputError "<place>: <key path>: <text>". A text that begins with this very place is passed on
  /// unchanged, so that a caller may catch and place errors without asking whether they are placed already.
  [[noreturn]] void fail(const std::string& text) const;

 private:
  friend class ConfigDocument;
  ConfigView(std::shared_ptr<const detail::ConfigTree> tree, const detail::ConfigNode* node);
  ConfigView child(const detail::ConfigNode& node) const;
  void expect_mapping() const;
  [[noreturn]] void fail_expected(const std::string& expected) const;

  std::shared_ptr<const detail::ConfigTree> tree_;
  const detail::ConfigNode* node_;
};

}  // namespace pare::framework
