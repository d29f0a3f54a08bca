// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <set>

#include "framework/config/config_document.hpp"
#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/experiment/experiment.hpp"

namespace pare::search {
namespace {

using framework::ConfigView;

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

/// Calls `check`, whose InputError knows nothing of the document, and puts the place in front of its text.
template <class Check>
auto at_place(const ConfigView& view, const Check& check) {
  try {
    return check();
  } catch (const InputError& error) {
    view.fail(error.what());
  }
}

std::string one_of(const ConfigView& view, const std::vector<std::string>& known) {
  const std::string value = view.as_string();
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    view.fail("unknown value '" + framework::printable(value) + "'" + framework::did_you_mean(value, known) +
              " (known: " + list + ")");
  }
  return value;
}

std::vector<framework::Option> read_options(const ConfigView& list) {
  std::vector<framework::Option> options;
  std::set<std::string> seen;
  for (const ConfigView& entry : list.as_list()) {
    const auto option = at_place(entry, [&] { return framework::parse_option(entry.as_string()); });
    if (!seen.insert(option.name()).second) entry.fail("option '" + option.name() + "' is listed twice");
    options.push_back(option);
  }
  if (options.empty()) list.fail("no options, list at least one such as w4-g32");
  if (options.size() > 250) list.fail("more than 250 options");
  return options;
}

/// A plain list of options for all layers, or rules {match, options}.
std::vector<framework::OptionRule> read_option_rules(const ConfigView& view) {
  const auto entries = view.as_list();
  if (entries.empty() || !entries.front().is_mapping()) return {{"*", read_options(view)}};
  std::vector<framework::OptionRule> rules;
  for (const ConfigView& entry : entries) {
    entry.allow_keys({"match", "options"});
    rules.push_back({entry.at("match").as_string(), read_options(entry.at("options"))});
  }
  return rules;
}

framework::Ties read_ties(const ConfigView& view) {
  framework::Ties ties;
  for (const ConfigView& tie : view.as_list()) {
    auto& kinds = ties.emplace_back();
    for (const ConfigView& kind : tie.as_list()) kinds.push_back(kind.as_string());
    if (kinds.size() < 2) tie.fail("a tie needs at least two kinds of layers");
  }
  return ties;
}

BudgetRule read_budget(const ConfigView& view) {
  view.allow_keys({"same_as", "bits_per_weight", "bytes", "ratio"});
  if (view.items().size() != 1) {
    view.fail("needs exactly one of same_as, bits_per_weight, bytes, ratio, has " +
              std::to_string(view.items().size()));
  }
  if (const auto rule = view.find("same_as")) {
    return SameAs{at_place(*rule, [&] { return framework::parse_option(rule->as_string()).name(); })};
  }
  if (const auto rule = view.find("bits_per_weight")) return BitsPerWeight{rule->as_double(0.01, 64)};
  if (const auto rule = view.find("bytes")) return Bytes{rule->as_int(1, no_limit)};
  return Ratio{view.at("ratio").as_double(1e-6, 1)};
}

void read_data(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"calibration", "windows", "length", "holdout", "calibration_windows"});
  experiment.calibration = view.at("calibration").as_string();
  if (const auto x = view.find("windows")) experiment.windows.windows = x->as_int(2, 1 << 24);
  if (const auto x = view.find("length")) experiment.windows.length = x->as_int(2, 1 << 20);
  if (const auto x = view.find("holdout")) experiment.windows.holdout = x->as_int(2, 1 << 24);
  experiment.windows.calibration = experiment.windows.windows;
  if (const auto x = view.find("calibration_windows")) experiment.windows.calibration = x->as_int(0, 1 << 24);
}

void read_search(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"algorithm", "seed", "tokens"});
  if (const auto x = view.find("algorithm")) experiment.algorithm = one_of(*x, algorithm_names());
  if (const auto x = view.find("seed")) experiment.seed = static_cast<std::uint64_t>(x->as_int(0, no_limit));
  if (const auto x = view.find("tokens")) experiment.token_limit = x->as_int(1, no_limit);
}

void read_evaluation(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"precision", "teacher_top_k", "weight_cache_mib"});
  if (const auto x = view.find("precision")) {
    experiment.precision = one_of(*x, {"f32", "bf16"}) == "bf16" ? kernels::Precision::bf16 : kernels::Precision::f32;
  }
  if (const auto x = view.find("teacher_top_k")) experiment.teacher_top_k = x->as_int(1, 1 << 20);
  if (const auto x = view.find("weight_cache_mib")) experiment.weight_cache_mib = x->as_int(0, 1 << 24);
}

void read_startup(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"distribute", "directory"});
  if (const auto x = view.find("distribute")) {
    const std::string value = one_of(*x, {"auto", "never", "always"});
    if (value == "never") experiment.distribution = Distribution::never;
    if (value == "always") experiment.distribution = Distribution::always;
  }
  if (const auto x = view.find("directory")) experiment.node_directory = x->as_string();
}

/// Hash of the document without the keys that do not change any result, and without `others`.
std::string identity_of(const framework::ConfigDocument& document, const std::set<std::string>& others) {
  framework::Hasher hasher;
  for (const auto& [key, value] : document.root().items()) {
    if (key == "output" || key == "cache" || key == "cluster" || key == "startup" || key == "threads" ||
        others.contains(key))
      continue;
    hasher.update(key + "=" + value.text() + "\n");
  }
  return hasher.hex();
}

std::string without_braces(const std::string& text) {
  return text.starts_with('{') && text.ends_with('}') ? text.substr(1, text.size() - 2) : text;
}

CompareRules::NamedBudget read_named_budget(const ConfigView& view) {
  return {without_braces(view.text()), read_budget(view)};
}

/// Reads every entry of a list that may not be empty and names nothing twice.
template <class Read>
void read_different(const ConfigView& list, const Read& read) {
  std::set<std::string> seen;
  for (const ConfigView& entry : list.as_list()) {
    read(entry);
    const std::string text = without_braces(entry.text());
    if (!seen.insert(text).second) entry.fail(text + " is listed twice");
  }
  if (seen.empty()) list.fail("the list is empty, leave the key out for its default");
}

/// The section `compare`, which may be missing; the rest of the experiment has been read.
CompareRules read_compare(const framework::ConfigDocument& document, const Experiment& experiment) {
  const ConfigView root = document.root();
  CompareRules rules;
  if (const auto section = root.find("compare")) {
    rules.given = true;
    section->allow_keys({"algorithms", "seeds", "budgets", "tokens"});
    if (const auto x = section->find("algorithms")) {
      read_different(*x, [&](const auto& entry) { rules.algorithms.push_back(one_of(entry, algorithm_names())); });
    }
    if (const auto x = section->find("seeds")) {
      read_different(
          *x, [&](const auto& entry) { rules.seeds.push_back(static_cast<std::uint64_t>(entry.as_int(0, no_limit))); });
    }
    if (const auto x = section->find("budgets")) {
      read_different(*x, [&](const auto& entry) { rules.budgets.push_back(read_named_budget(entry)); });
    }
    if (const auto x = section->find("tokens")) rules.tokens = x->as_int(1, no_limit);
  }
  if (rules.algorithms.empty()) {
    rules.algorithms = {"pare"};
    for (const std::string& name : algorithm_names()) {
      if (name != "pare" && name != "exhaustive") rules.algorithms.push_back(name);
    }
  }
  if (rules.seeds.empty()) rules.seeds = {experiment.seed};
  if (rules.budgets.empty()) rules.budgets = {read_named_budget(root.at("budget"))};
  framework::Hasher hasher;
  // search.seed decides the text.
  hasher.update(identity_of(document, {"budget", "compare", "search"}) + std::to_string(experiment.seed) + "\n");
  for (const std::string& name : rules.algorithms) hasher.update(name + "\n");
  for (const std::uint64_t seed : rules.seeds) hasher.update(std::to_string(seed) + "\n");
  for (const auto& budget : rules.budgets) hasher.update(budget.name + "\n");
  hasher.update(std::to_string(rules.tokens));
  rules.identity = hasher.hex();
  return rules;
}

Experiment read_document(const framework::ConfigDocument& document) {
  const ConfigView root = document.root();
  root.allow_keys({"schema", "model", "data", "target", "options", "ties", "budget", "search", "compare", "evaluation",
                   "output", "cache", "cluster", "startup", "threads"});
  root.at("schema").as_int(1, 1);
  Experiment experiment;
  root.at("model").allow_keys({"path"});
  experiment.model = root.at("model").at("path").as_string();
  read_data(root.at("data"), experiment);
  if (const auto x = root.find("target")) one_of(*x, {"none"});
  experiment.options = read_option_rules(root.at("options"));
  if (const auto x = root.find("ties")) experiment.ties = read_ties(*x);
  experiment.budget = read_budget(root.at("budget"));
  if (const auto x = root.find("search")) read_search(*x, experiment);
  if (const auto x = root.find("evaluation")) read_evaluation(*x, experiment);
  experiment.output = root.at("output").as_string();
  experiment.cache = experiment.output.parent_path() / "cache";
  if (const auto x = root.find("cache")) experiment.cache = x->as_string();
  if (const auto x = root.find("cluster")) experiment.containment = read_containment(*x);
  if (const auto x = root.find("threads")) experiment.threads = static_cast<int>(x->as_int(1, 4096));
  if (const auto x = root.find("startup")) read_startup(*x, experiment);
  experiment.resolved_yaml = document.resolved_text();
  experiment.identity = identity_of(document, {"compare"});
  experiment.compare = read_compare(document, experiment);
  return experiment;
}

}  // namespace

Experiment parse_experiment(const std::string& text, const std::string& source,
                            const std::vector<std::string>& overrides) {
  framework::ConfigDocument document = framework::ConfigDocument::parse(text, source);
  document.apply_overrides(overrides, {"budget"});
  return read_document(document);
}

Experiment read_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  framework::ConfigDocument document = framework::ConfigDocument::read(file);
  document.apply_overrides(overrides, {"budget"});
  return read_document(document);
}

}  // namespace pare::search
