// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/site.hpp"

#include <algorithm>
#include <regex>
#include <set>

#include "framework/compression/compressor.hpp"
#include "framework/config/near_name.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

class RuleMatcher {
 public:
  explicit RuleMatcher(const OptionRule& rule) : rule_(rule), is_pattern_(rule.match.starts_with("re:")) {
    if (!is_pattern_) return;
    try {
      pattern_.assign(rule.match.substr(3), std::regex::ECMAScript);
    } catch (const std::regex_error& error) {
      throw InputError("options: match '" + rule.match + "' is not a regular expression: " + error.what());
    }
  }

  bool matches(const Linear& linear) const {
    if (is_pattern_) return std::regex_search(linear.name, pattern_, std::regex_constants::match_continuous);
    return rule_.match == "*" || rule_.match == linear.name || rule_.match == linear.kind;
  }

 private:
  const OptionRule& rule_;
  bool is_pattern_;
  std::regex pattern_;
};

std::vector<std::string> kinds_of(const Model& model) {
  std::vector<std::string> kinds;
  for (const Stage& stage : model.stages())
    for (const Linear& linear : stage.linears)
      if (std::find(kinds.begin(), kinds.end(), linear.kind) == kinds.end()) kinds.push_back(linear.kind);
  return kinds;
}

void check_ties(const Model& model, const Ties& ties) {
  const std::vector<std::string> known = kinds_of(model);
  std::set<std::string> seen;
  for (const auto& tie : ties) {
    for (const std::string& kind : tie) {
      VALIDATE(std::find(known.begin(), known.end(), kind) != known.end(), "ties: no layer is called '", kind, "'",
               did_you_mean(kind, known));
      VALIDATE(seen.insert(kind).second, "ties: '", kind, "' is tied twice");
    }
    const bool together = std::any_of(model.stages().begin(), model.stages().end(), [&](const Stage& stage) {
      return std::all_of(tie.begin(), tie.end(), [&](const std::string& kind) {
        return std::any_of(stage.linears.begin(), stage.linears.end(), [&](const Linear& l) { return l.kind == kind; });
      });
    });
    VALIDATE(together, "ties: '", tie.front(), "' and '", tie.back(),
             "' are not in one sub-layer, only layers that read the same "
             "state can be tied");
  }
}

const std::vector<std::string>* tie_of(const Ties& ties, const std::string& kind) {
  for (const auto& tie : ties)
    if (std::find(tie.begin(), tie.end(), kind) != tie.end()) return &tie;
  return nullptr;
}

void name_site(Site& site, const Stage& stage) {
  const Linear& first = stage.linears[site.linears.front()];
  site.name = first.name;
  site.kind = first.kind;
  if (site.linears.size() == 1) return;
  std::string inner = first.kind;
  for (std::size_t i = 1; i < site.linears.size(); ++i) {
    site.kind += "+" + stage.linears[site.linears[i]].kind;
    inner += "," + stage.linears[site.linears[i]].kind;
  }
  site.name = first.name.substr(0, first.name.size() - first.kind.size()) + "{" + inner + "}";
}

}  // namespace

std::int64_t site_weights(const Model& model, const Site& site) {
  std::int64_t weights = 0;
  for (const std::size_t l : site.linears) {
    const Linear& linear = model.stages()[site.stage].linears[l];
    weights += linear.outputs * linear.inputs;
  }
  return weights;
}

std::int64_t site_original_bytes(const Model& model, const Site& site) {
  std::int64_t bytes = 0;
  for (const std::size_t l : site.linears) bytes += model.stored_bytes(model.stages()[site.stage].linears[l]);
  return bytes;
}

std::int64_t site_bytes(const Model& model, const Site& site, const Option& option) {
  if (option.method == Option::Method::keep) return site_original_bytes(model, site);
  std::int64_t bytes = 0;
  for (const std::size_t l : site.linears) {
    const Linear& linear = model.stages()[site.stage].linears[l];
    bytes += compressor_of(option).packed_bytes(option, linear.outputs, linear.inputs);
  }
  return bytes;
}

std::vector<Site> make_sites(const Model& model, const std::vector<OptionRule>& rules, const Ties& ties) {
  check_ties(model, ties);
  std::vector<RuleMatcher> matchers(rules.begin(), rules.end());
  std::vector<bool> rule_used(rules.size(), false);
  std::vector<Site> sites;
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    const Stage& stage = model.stages()[s];
    std::vector<bool> taken(stage.linears.size(), false);
    for (std::size_t l = 0; l < stage.linears.size(); ++l) {
      if (taken[l]) continue;
      Site site{.name = {}, .kind = {}, .layer = stage.layer, .stage = s, .linears = {}, .options = {}};
      const auto* tie = tie_of(ties, stage.linears[l].kind);
      std::size_t rule_of_site = rules.size();
      for (std::size_t m = l; m < stage.linears.size(); ++m) {
        const Linear& linear = stage.linears[m];
        const bool tied = tie != nullptr && std::find(tie->begin(), tie->end(), linear.kind) != tie->end();
        if (m != l && !tied) continue;
        std::size_t rule = 0;
        while (rule < rules.size() && !matchers[rule].matches(linear)) ++rule;
        VALIDATE(rule < rules.size(), "options: no rule matches ", linear.name,
                 ", end the list with a rule 'match: \"*\"'");
        VALIDATE(m == l || rule == rule_of_site, "options: ", linear.name, " is tied to ", stage.linears[l].name,
                 " but falls under another rule; tied layers need the same options");
        rule_of_site = rule;
        rule_used[rule] = true;
        taken[m] = true;
        site.linears.push_back(m);
      }
      name_site(site, stage);
      site.options = rules[rule_of_site].options;
      std::sort(site.options.begin(), site.options.end(), [&](const Option& a, const Option& b) {
        const std::int64_t bytes_a = site_bytes(model, site, a), bytes_b = site_bytes(model, site, b);
        return bytes_a != bytes_b ? bytes_a < bytes_b : a.name() < b.name();
      });
      sites.push_back(std::move(site));
    }
  }
  for (std::size_t r = 0; r < rules.size(); ++r) {
    VALIDATE(rule_used[r], "options: rule 'match: ", rules[r].match, "' matches no layer that an earlier rule left",
             did_you_mean(rules[r].match, kinds_of(model)));
  }
  return sites;
}

}  // namespace pare::framework
