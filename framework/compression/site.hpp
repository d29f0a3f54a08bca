// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/compression/option.hpp"
#include "framework/compression/target.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// The place of one decision: one linear layer of one stage, or several that are tied because they must share their
/// option.
struct Site {
  std::string name;  ///< the linear's module name; tied: "model.layers.0.self_attn.{q_proj,k_proj,v_proj}"
  std::string kind;  ///< "q_proj", or "q_proj+k_proj+v_proj"
  int layer = 0;
  std::size_t stage = 0;              ///< index into Model::stages()
  std::vector<std::size_t> linears;   ///< indices into that stage's linears
  std::vector<Option> options;        ///< ascending site_bytes, then name; recipe[site] is an index into this
  std::vector<std::string> left_out;  ///< options that its shapes cannot hold: "q4_k: ..."
};

/// Whether one of its options takes structure away.
bool is_structured(const Site& site);

/// Options by site pattern; the first rule whose pattern matches wins.
struct OptionRule {
  std::string match;  ///< exact module name or kind, "re:<regular expression>" matched from the start, or "*"
  std::vector<Option> options;
};

/// Kinds of linears that share one decision within a layer, e.g.
/// {{"q_proj","k_proj","v_proj"},{"gate_proj","up_proj"}}.
using Ties = std::vector<std::vector<std::string>>;

/// Sites in the order of the chain. Beyond the given ties, the target ties what its engine fuses, and options that scale
/// inputs (awq, smooth) tie the linears that share an input. Options that take structure away (keep, drop) are offered by all sites of a stage or by none: a
/// recipe takes them at all sites or at none (Option::structure). Options that a site's shapes cannot hold, or that the
/// target does not execute in them, are left out of it; InputError when none remains, and when a rule matches nothing, a linear has no rule, a tie names an unknown
/// kind or kinds of different stages, tied linears fall under different rules, only some linears of a stage are offered
/// a structure, or a regular expression is malformed.
std::vector<Site> make_sites(const Model& model, const std::vector<OptionRule>& rules, const Ties& ties,
                             Target target = Target::none);

/// For each stage and for the end of the chain, how many sites lie before it: those of a stage are contiguous.
std::vector<std::size_t> sites_before_stages(const Model& model, const std::vector<Site>& sites);

/// Exact bytes of a site under one of its options; `w16` counts the checkpoint's own bytes.
std::int64_t site_bytes(const Model& model, const Site& site, const Option& option);
std::int64_t site_weights(const Model& model, const Site& site);
std::int64_t site_original_bytes(const Model& model, const Site& site);

}  // namespace pare::framework
