// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/site.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <utility>

#include "framework/calibration/stage_calibrator.hpp"
#include "framework/compression/layer_storage.hpp"
#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
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
      throw InputError("options: match '" + printable(rule.match) + "' is not a regular expression: " + error.what());
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

std::string known_matches(const Model& model) {
  std::string text;
  for (const std::string& kind : kinds_of(model)) text += (text.empty() ? " (known: " : ", ") + kind;
  return text + "; names of layers such as model.layers.0.mlp.up_proj; \"re:.*self_attn\"; \"*\")";
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

/// Kinds that are tied by one or the other, or by a chain of both, are tied.
Ties united(Ties ties, const Ties& more) {
  for (std::vector<std::string> tie : more) {
    std::erase_if(ties, [&](const std::vector<std::string>& known) {
      const auto is_member = [&](const std::string& kind) {
        return std::find(tie.begin(), tie.end(), kind) != tie.end();
      };
      if (std::none_of(known.begin(), known.end(), is_member)) return false;
      for (const std::string& kind : known)
        if (!is_member(kind)) tie.push_back(kind);
      return true;
    });
    ties.push_back(std::move(tie));
  }
  return ties;
}

const std::vector<std::string>* tie_of(const Ties& ties, const std::string& kind) {
  for (const auto& tie : ties)
    if (std::find(tie.begin(), tie.end(), kind) != tie.end()) return &tie;
  return nullptr;
}

std::size_t rule_for(const std::vector<RuleMatcher>& matchers, const Linear& linear) {
  std::size_t rule = 0;
  while (rule < matchers.size() && !matchers[rule].matches(linear)) ++rule;
  VALIDATE(rule < matchers.size(), "options: no rule matches ", linear.name,
           ", end the list with a rule 'match: \"*\"'");
  return rule;
}

/// Linears of the stage in groups that decide together, each in ascending order, by their first member.
std::vector<std::vector<std::size_t>> tied_linears(const Stage& stage, const std::vector<OptionRule>& rules,
                                                   const std::vector<std::size_t>& rule_of, const Ties& ties) {
  const auto any_option = [&](std::size_t l, const auto& is) {
    const auto& options = rules[rule_of[l]].options;
    return std::any_of(options.begin(), options.end(), is);
  };
  const auto are_tied = [&](std::size_t a, std::size_t b) {
    const auto* tie = tie_of(ties, stage.linears[a].kind);
    if (tie != nullptr && tie == tie_of(ties, stage.linears[b].kind)) return true;
    for (const std::size_t l : {a, b}) {
      if (input_reader(stage, a) == input_reader(stage, b) &&
          any_option(l, [](const Option& o) { return o.scales_inputs(); }))
        return true;
    }
    return false;
  };
  std::vector<std::size_t> group(stage.linears.size());
  for (std::size_t l = 0; l < group.size(); ++l) group[l] = l;
  for (std::size_t a = 0; a < group.size(); ++a) {
    for (std::size_t b = a + 1; b < group.size(); ++b) {
      if (are_tied(a, b) && group[b] != group[a]) std::replace(group.begin(), group.end(), group[b], group[a]);
    }
  }
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t first = 0; first < group.size(); ++first) {
    std::vector<std::size_t> members;
    for (std::size_t l = 0; l < group.size(); ++l)
      if (group[l] == group[first]) members.push_back(l);
    if (members.front() == first) groups.push_back(std::move(members));
  }
  return groups;
}

/// Why an option or the target tied these linears, for the text of an error; nothing for the ties that the user gave.
std::string reason_of_tie(const Stage& stage, const std::vector<OptionRule>& rules,
                          const std::vector<std::size_t>& rule_of, const std::vector<std::size_t>& together,
                          Target target) {
  if (tie_of(ties_of(target), stage.linears[together.front()].kind) != nullptr)
    return " (target " + to_string(target) + " runs them as one)";
  const Option* scaling = nullptr;
  for (const std::size_t l : together) {
    for (const Option& option : rules[rule_of[l]].options)
      if (option.scales_inputs()) scaling = &option;
  }
  const bool share = std::all_of(together.begin(), together.end(), [&](std::size_t l) {
    return input_reader(stage, l) == input_reader(stage, together.front());
  });
  return scaling != nullptr && share ? " ('" + scaling->name() + "' scales an input that they share)" : "";
}

bool offers(const std::vector<Option>& options, const std::string& structure) {
  return std::any_of(options.begin(), options.end(), [&](const Option& o) { return o.structure() == structure; });
}

/// What one layer of a sub-layer may lose, or keep whole, all of its layers must be free to.
void check_structures(const Stage& stage, const std::vector<OptionRule>& rules,
                      const std::vector<std::size_t>& rule_of) {
  const auto options = [&](std::size_t l) -> const std::vector<Option>& { return rules[rule_of[l]].options; };
  bool structured = false;
  for (std::size_t l = 0; l < rule_of.size(); ++l)
    for (const Option& option : options(l)) structured = structured || option.is_structured();
  if (!structured) return;
  for (std::size_t a = 0; a < rule_of.size(); ++a) {
    for (const Option& option : options(a)) {
      for (std::size_t b = 0; b < rule_of.size(); ++b) {
        VALIDATE(offers(options(b), option.structure()), "options: '", option.name(), "' at ", stage.linears[a].name,
                 " decides whether its whole sub-layer ",
                 option.is_structured() ? "shrinks or goes" : "stays as large as it is", ", but the rule for ",
                 stage.linears[b].name, " has no option of that kind, add one");
      }
    }
  }
}

/// A structure that the shapes of one site rule out is no structure of the sub-layer.
void leave_out_partial_structures(std::vector<Site>& sites, std::size_t first) {
  for (std::size_t a = first; a < sites.size(); ++a) {
    for (std::size_t b = first; b < sites.size(); ++b) {
      std::erase_if(sites[b].options, [&](const Option& option) {
        if (offers(sites[a].options, option.structure())) return false;
        sites[b].left_out.push_back(option.name() + ": " + sites[a].name + " can hold none of its options that " +
                                    (option.is_structured() ? "do the same to the sub-layer" : "leave it as large"));
        return true;
      });
      VALIDATE(!sites[b].options.empty(), "options: ", sites[b].name, " can hold none of its options; ",
               sites[b].left_out.back());
    }
  }
}

/// Throws InputError where the target does not execute the option in the shape of one of the site's linears.
void check_target(const Site& site, const Model& model, const Option& option, Target target) {
  for (const std::size_t l : site.linears) {
    if (const auto why = refusal(target, option, model.stages()[site.stage].linears[l])) throw InputError(*why);
  }
}

/// The options that the site can hold, ascending in bytes; the others are noted.
void fill_options(Site& site, const Model& model, const std::vector<Option>& options, Target target) {
  std::vector<std::pair<std::int64_t, Option>> possible;
  for (const Option& option : options) {
    try {
      check_target(site, model, option, target);
      possible.emplace_back(site_bytes(model, site, option), option);
    } catch (const InputError& error) {
      site.left_out.push_back(option.name() + ": " + error.what());
    }
  }
  VALIDATE(!possible.empty(), "options: ", site.name, " can hold none of its options; ", site.left_out.back());
  std::sort(possible.begin(), possible.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.name() < b.second.name();
  });
  for (auto& [bytes, option] : possible) site.options.push_back(std::move(option));
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

bool is_structured(const Site& site) {
  return std::any_of(site.options.begin(), site.options.end(), [](const Option& o) { return o.is_structured(); });
}

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

std::vector<std::size_t> sites_before_stages(const Model& model, const std::vector<Site>& sites) {
  std::vector<std::size_t> before;
  std::size_t site = 0;
  for (std::size_t stage = 0; stage <= model.stages().size(); ++stage) {
    while (site < sites.size() && sites[site].stage < stage) ++site;
    before.push_back(site);
  }
  return before;
}

std::int64_t site_bytes(const Model& model, const Site& site, const Option& option) {
  if (option.keeps_checkpoint()) return site_original_bytes(model, site);
  const Stage& stage = model.stages()[site.stage];
  std::int64_t bytes = 0;
  for (const std::size_t l : site.linears) bytes += body_bytes(option, stored_shape(option, model, stage, l));
  return bytes;
}

std::vector<Site> make_sites(const Model& model, const std::vector<OptionRule>& rules, const Ties& given,
                             Target target) {
  check_ties(model, given);
  const Ties ties = united(ties_of(target), given);
  const std::vector<RuleMatcher> matchers(rules.begin(), rules.end());
  std::vector<bool> rule_used(rules.size(), false);
  std::vector<Site> sites;
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    const Stage& stage = model.stages()[s];
    std::vector<std::size_t> rule_of;
    for (const Linear& linear : stage.linears) {
      rule_of.push_back(rule_for(matchers, linear));
      rule_used[rule_of.back()] = true;
    }
    check_structures(stage, rules, rule_of);
    const std::size_t first_site = sites.size();
    for (const std::vector<std::size_t>& together : tied_linears(stage, rules, rule_of, ties)) {
      Site site{
          .name = {}, .kind = {}, .layer = stage.layer, .stage = s, .linears = together, .options = {}, .left_out = {}};
      for (const std::size_t l : together) {
        VALIDATE(rule_of[l] == rule_of[together.front()], "options: ", stage.linears[l].name, " is tied to ",
                 stage.linears[together.front()].name, reason_of_tie(stage, rules, rule_of, together, target),
                 " but falls under another rule; tied layers need the same options");
      }
      name_site(site, stage);
      fill_options(site, model, rules[rule_of[together.front()]].options, target);
      sites.push_back(std::move(site));
    }
    if (std::any_of(sites.begin() + static_cast<std::ptrdiff_t>(first_site), sites.end(), is_structured))
      leave_out_partial_structures(sites, first_site);
  }
  for (std::size_t r = 0; r < rules.size(); ++r) {
    VALIDATE(rule_used[r], "options: rule 'match: ", rules[r].match, "' matches no layer that an earlier rule left",
             did_you_mean(rules[r].match, kinds_of(model)), known_matches(model));
  }
  return sites;
}

}  // namespace pare::framework
