// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/space/recipe.hpp"

namespace pare::search {

/// One way to compress one site, as the search sees it.
struct SiteOption {
  std::string name;        ///< the one spelling of framework/compression, e.g. "w3-g32"
  std::int64_t bytes = 0;  ///< exact: codes, scales and zero points
  double local_error = 0;  ///< relative squared error of weights, or of outputs where inputs are known; 0 for "w16"
  std::string form = {};   ///< what it takes from the whole sub-layer: "keep-75%", "drop"; empty: nothing
  std::vector<std::int64_t> costs = {};  ///< one a measure of the space; empty where it has none
};

/// One decision: a linear layer, or several tied together. `stage` is the first stage of the model that it changes.
struct SearchSite {
  std::string name;  ///< "model.layers.0.self_attn.q_proj"
  std::string kind;  ///< "q_proj": what type-wise moves go by
  int layer = 0;
  int stage = 0;
  std::int64_t weights = 0;
  std::int64_t original_bytes = 0;
  std::vector<SiteOption> options;  ///< ascending bytes, then name
};

/// An option that a site would have offered, had it not failed there.
struct LeftOut {
  std::string site;
  std::string option;
  std::string reason;

  bool operator==(const LeftOut&) const = default;
};

/// A cost besides bytes that recipes add up site by site, in whole numbers so that sums are exact.
struct Measure {
  std::string name;  ///< "decode_seconds": the key of its limit
  std::string unit;  ///< what one is: "ps", "bytes"

  bool operator==(const Measure&) const = default;
};

/// A recipe that others have named, by what it wants of each site (space/mixture.hpp).
struct Mixture {
  std::string name;                               ///< "Q4_K_M"
  std::vector<std::vector<std::string>> options;  ///< one list a site: options that will do, most wanted first
};

/// Sites that decide for themselves but for one thing: their options must have one form.
using Unit = std::vector<std::size_t>;

/// The space of recipes with exact costs. Sites are in the order of the model's chain. A recipe of the space is settled:
/// the options of the sites of a stage have one form, since heads, channels and whole sub-layers go from all of its
/// layers or from none. Every form that one site of a stage offers, all of them offer.
struct SearchSpace {
  std::vector<SearchSite> sites;
  std::vector<LeftOut> left_out = {};
  std::vector<Measure> measures = {};
  std::vector<Mixture> mixtures = {};  ///< of options that the sites need not offer; a run file does not keep them

  /// Takes an option away from a site, which moves the indices of those behind it. Throws InputError when it was the
  /// site's last.
  void leave_out(std::size_t site, std::uint8_t option, const std::string& reason);

  std::int64_t bytes(const Recipe& recipe) const;
  /// Of the measure so numbered.
  std::int64_t cost(std::size_t measure, const Recipe& recipe) const;
  /// All sites in order: those of a stage where options have forms together, each other site alone.
  std::vector<Unit> units() const;
  /// The forms that the sites of a unit offer, in the order of the first site's options.
  std::vector<std::string> forms(const Unit& unit) const;
  bool is_settled(const Recipe& recipe) const;
  Recipe smallest_recipe() const;
  Recipe largest_recipe() const;
  std::int64_t weights() const;
  std::int64_t original_bytes() const;
  std::int64_t smallest_bytes() const;
  std::int64_t largest_bytes() const;
  double bits_per_weight(std::int64_t bytes) const;
  /// log10 of the number of settled recipes.
  double log10_size() const;

  /// Names of the options that every site offers, ascending in total bytes: the uniform recipes.
  std::vector<std::string> uniform_options() const;
  /// That option everywhere; nothing when some site lacks it.
  std::optional<Recipe> uniform(const std::string& option) const;
  std::optional<std::uint8_t> find_option(std::size_t site, const std::string& option) const;
};

}  // namespace pare::search
