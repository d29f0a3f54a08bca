// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "framework/config/config_document.hpp"
#include "framework/config/utf8.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/experiment/at_place.hpp"
#include "search/experiment/budget_yaml.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/objective_yaml.hpp"

namespace pare::search {
namespace {

using framework::ConfigView;

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

std::vector<framework::Option> read_options(const ConfigView& list, framework::Target target) {
  std::vector<framework::Option> options;
  std::set<std::string> seen;
  for (const ConfigView& entry : list.as_list()) {
    const auto option = at_place(entry, [&] { return framework::parse_option(entry.as_string()); });
    if (!seen.insert(option.name()).second) entry.fail("option '" + option.name() + "' is listed twice");
    if (const auto why = framework::refusal(target, option)) entry.fail(*why);
    options.push_back(option);
  }
  if (options.empty()) list.fail("no options, list at least one such as w4-g32");
  if (options.size() > 250) list.fail("more than 250 options");
  return options;
}

/// A plain list of options for all layers, or rules {match, options}.
std::vector<framework::OptionRule> read_option_rules(const ConfigView& view, framework::Target target) {
  const auto entries = view.as_list();
  if (entries.empty() || !entries.front().is_mapping()) return {{"*", read_options(view, target)}};
  std::vector<framework::OptionRule> rules;
  for (const ConfigView& entry : entries) {
    entry.allow_keys({"match", "options"});
    rules.push_back({entry.at("match").as_string(), read_options(entry.at("options"), target)});
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

void read_measures(const ConfigView& root, Experiment& experiment) {
  const auto any = [&](auto limited) { return std::ranges::any_of(experiment.budgets, limited); };
  const bool seconds = any([](const BudgetRules& b) { return b.prefill_seconds || b.decode_seconds; });
  const bool kv_bytes = any([](const BudgetRules& b) { return b.kv_bytes.has_value(); });
  const auto latency = root.find("latency");
  const auto kv = root.find("kv");
  if (seconds && !latency) root.at("budget").fail("a limit in seconds needs a table of times, latency: {table: FILE}");
  if (kv_bytes && !kv) root.at("budget").fail("kv_bytes needs the tokens in the cache, kv: {tokens: 8192}");
  if (latency && !seconds) latency->fail("no budget has prefill_seconds or decode_seconds, so it changes nothing");
  if (kv && !kv_bytes) kv->fail("no budget has kv_bytes, so it changes nothing");
  if (latency) {
    latency->allow_keys({"table", "prefill_tokens", "decode_tokens"});
    LatencySource& source = experiment.latency.emplace();
    source.table = latency->at("table").as_string();
    if (const auto x = latency->find("prefill_tokens")) source.prefill_tokens = x->as_int(1, 1 << 24);
    if (const auto x = latency->find("decode_tokens")) source.decode_tokens = x->as_int(1, 1 << 24);
  }
  if (kv) {
    kv->allow_keys({"tokens", "bytes_per_value"});
    KvCache& cache = experiment.kv.emplace();
    cache.tokens = kv->at("tokens").as_int(1, 1 << 30);
    if (const auto x = kv->find("bytes_per_value")) cache.bytes_per_value = x->as_int(1, 8);
  }
}

void read_data(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"calibration", "texts", "windows", "length", "holdout", "calibration_windows", "choices"});
  const auto texts = view.find("texts");
  if (texts && view.find("calibration")) texts->fail("the text is given as data.calibration, too; keep one of them");
  if (texts) {
    experiment.texts = read_texts(*texts);
  } else if (const std::string text = view.at("calibration").as_string(); text != "self") {
    experiment.texts.push_back({.file = text, .name = {}});
  }
  if (const auto x = view.find("windows")) experiment.windows.windows = x->as_int(2, 1 << 24);
  if (const auto x = view.find("length")) experiment.windows.length = x->as_int(2, 1 << 20);
  if (const auto x = view.find("holdout")) experiment.windows.holdout = x->as_int(2, 1 << 24);
  experiment.windows.calibration = experiment.windows.windows;
  if (const auto x = view.find("calibration_windows")) experiment.windows.calibration = x->as_int(0, 1 << 24);
  if (texts) deal_domains(*texts, experiment.texts, experiment.windows, experiment.objective);
}

std::vector<std::int64_t> read_rungs(const ConfigView& view) {
  std::vector<std::int64_t> rungs;
  for (const ConfigView& entry : view.as_list()) {
    rungs.push_back(entry.as_int(1, no_limit));
    if (rungs.size() > 1 && rungs.back() <= rungs[rungs.size() - 2]) {
      entry.fail("a rung of " + std::to_string(rungs.back()) + " tokens after one of " +
                 std::to_string(rungs[rungs.size() - 2]) + " (rungs grow), list them in ascending order");
    }
  }
  if (rungs.empty()) view.fail("no rungs, list tokens such as [2048, 8192, 32768] or leave the key out");
  return rungs;
}

void read_limits(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"minutes", "tokens", "evaluations"});
  if (view.items().empty()) view.fail("no limits, give minutes, tokens or evaluations or leave the key out");
  if (const auto x = view.find("minutes")) experiment.minute_limit = x->as_double(0.01, 1e6);
  if (const auto x = view.find("tokens")) experiment.token_limit = x->as_int(1, no_limit);
  if (const auto x = view.find("evaluations")) experiment.evaluation_limit = x->as_int(1, no_limit);
}

void read_search(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"algorithm", "seed", "tokens", "rungs", "limits"});
  if (const auto x = view.find("algorithm")) experiment.algorithm = x->as_one_of(algorithm_names());
  if (const auto x = view.find("seed")) experiment.seed = static_cast<std::uint64_t>(x->as_int(0, no_limit));
  if (const auto x = view.find("tokens")) experiment.token_limit = x->as_int(1, no_limit);
  if (const auto x = view.find("limits")) {
    read_limits(*x, experiment);
    if (view.find("tokens") && x->find("tokens")) x->at("tokens").fail("given as search.tokens, too; keep one of them");
  }
  if (const auto x = view.find("rungs")) experiment.rungs = read_rungs(*x);
}

void read_evaluation(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"precision", "teacher_top_k", "weight_cache_mib", "state_cache_mib"});
  if (const auto x = view.find("precision")) {
    experiment.precision = x->as_one_of({"f32", "bf16"}) == "bf16" ? kernels::Precision::bf16 : kernels::Precision::f32;
    experiment.precision_given = true;
  }
  if (const auto x = view.find("teacher_top_k")) experiment.teacher_top_k = x->as_int(1, 1 << 20);
  if (const auto x = view.find("weight_cache_mib")) experiment.weight_cache_mib = x->as_int(0, 1 << 24);
  if (const auto x = view.find("state_cache_mib")) experiment.state_cache_mib = x->as_int(0, 1 << 24);
}

void read_startup(const ConfigView& view, Experiment& experiment) {
  view.allow_keys({"distribute", "directory"});
  if (const auto x = view.find("distribute")) {
    const std::string value = x->as_one_of({"auto", "never", "always"});
    if (value == "never") experiment.distribution = Distribution::never;
    if (value == "always") experiment.distribution = Distribution::always;
  }
  if (const auto x = view.find("directory")) experiment.node_directory = x->as_string();
}

void read_tracking(const ConfigView& view, TrackingSettings& tracking) {
  view.allow_keys({"tensorboard", "jsonl"});
  if (view.items().empty()) view.fail("says nowhere, give tensorboard or jsonl or leave the key out");
  if (const auto x = view.find("tensorboard")) tracking.tensorboard = x->as_string();
  if (const auto x = view.find("jsonl")) tracking.jsonl = x->as_string();
}

const std::map<std::string, DeviceChoice> device_choices{
    {"auto", DeviceChoice::automatic}, {"cpu", DeviceChoice::cpu}, {"cuda", DeviceChoice::cuda}};

/// Hash of the document without the keys that do not change any result, and without `others`, but with the times that
/// it refers to.
std::string identity_of(const framework::ConfigDocument& document, const Experiment& experiment,
                        const std::set<std::string>& others) {
  framework::Hasher hasher;
  for (const auto& [key, value] : document.root().items()) {
    if (key == "output" || key == "cache" || key == "reuse" || key == "tracking" || key == "cluster" ||
        key == "startup" || key == "device" || key == "threads" || others.contains(key))
      continue;
    hasher.update(key + "=" + value.text() + "\n");
  }
  if (experiment.latency) {
    std::ostringstream text;
    if (std::ifstream in(experiment.latency->table, std::ios::binary); in) text << in.rdbuf();
    hasher.update(text.str());
  }
  return hasher.hex();
}

std::string without_braces(const std::string& text) {
  return text.starts_with('{') && text.ends_with('}') ? text.substr(1, text.size() - 2) : text;
}

bool is_one_size(const BudgetRules& rules) {
  return rules.bytes.size() == 1 && !rules.limits_more_than_bytes();
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
      read_different(*x, [&](const auto& entry) { rules.algorithms.push_back(entry.as_one_of(algorithm_names())); });
    }
    if (const auto x = section->find("seeds")) {
      read_different(
          *x, [&](const auto& entry) { rules.seeds.push_back(static_cast<std::uint64_t>(entry.as_int(0, no_limit))); });
    }
    if (const auto x = section->find("budgets")) {
      read_different(*x, [&](const auto& entry) {
        rules.budgets.push_back({without_braces(entry.text()), read_size(entry)});
      });
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
  const ConfigView budget = root.at("budget");
  if (rules.budgets.empty() && (budget.is_list() || !budget.find("front")) &&
      std::ranges::all_of(experiment.budgets, is_one_size)) {
    for (const ConfigView& entry : budget.is_list() ? budget.as_list() : std::vector{budget})
      rules.budgets.push_back({without_braces(entry.text()), read_size(entry)});
  }
  framework::Hasher hasher;
  // search.seed decides the text.
  hasher.update(identity_of(document, experiment, {"budget", "compare", "search"}) + std::to_string(experiment.seed) +
                "\n");
  for (const std::string& name : rules.algorithms) hasher.update(name + "\n");
  for (const std::uint64_t seed : rules.seeds) hasher.update(std::to_string(seed) + "\n");
  for (const auto& named : rules.budgets) hasher.update(named.name + "\n");
  hasher.update(std::to_string(rules.tokens));
  rules.identity = hasher.hex();
  return rules;
}

Experiment read_document(const framework::ConfigDocument& document) {
  const ConfigView root = document.root();
  root.allow_keys({"schema", "model",   "data",     "objective", "target",  "options",    "ties",
                   "budget", "latency", "kv",       "search",    "compare", "evaluation", "output",
                   "cache",  "reuse",   "tracking", "cluster",   "startup", "device",     "threads"});
  root.at("schema").as_int(1, 1);
  Experiment experiment;
  root.at("model").allow_keys({"path"});
  experiment.model = root.at("model").at("path").as_string();
  read_data(root.at("data"), experiment);
  if (const auto x = root.find("objective")) read_objective(*x, experiment.objective);
  read_items(root.at("data"), experiment.objective, experiment.windows, experiment.texts.empty());
  if (const auto x = root.find("target"))
    experiment.target = framework::target_named(x->as_one_of(framework::target_names()));
  experiment.options = read_option_rules(root.at("options"), experiment.target);
  if (const auto x = root.find("ties")) experiment.ties = read_ties(*x);
  experiment.budgets = read_budgets(root.at("budget"));
  read_measures(root, experiment);
  if (const auto x = root.find("search")) read_search(*x, experiment);
  if (const auto x = root.find("evaluation")) read_evaluation(*x, experiment);
  experiment.output = root.at("output").as_string();
  experiment.cache = experiment.output.parent_path() / "cache";
  if (const auto x = root.find("cache")) experiment.cache = x->as_string();
  if (const auto x = root.find("reuse")) experiment.reuse = x->as_bool();
  if (const auto x = root.find("tracking")) read_tracking(*x, experiment.tracking);
  if (const auto x = root.find("cluster")) experiment.containment = read_containment(*x);
  if (const auto x = root.find("threads")) experiment.threads = static_cast<int>(x->as_int(1, 4096));
  if (const auto x = root.find("startup")) read_startup(*x, experiment);
  if (const auto x = root.find("device")) experiment.device = device_choices.at(x->as_one_of({"auto", "cpu", "cuda"}));
  experiment.resolved_yaml = document.resolved_text();
  experiment.identity = identity_of(document, experiment, {"compare"});
  experiment.compare = read_compare(document, experiment);
  return experiment;
}

}  // namespace

Experiment parse_experiment(const std::string& text, const std::string& source,
                            const std::vector<std::string>& overrides) {
  framework::ConfigDocument document = framework::ConfigDocument::parse(text, source);
  document.apply_overrides(
      overrides, {"budget.same_as", "budget.bits_per_weight", "budget.bytes", "budget.ratio", "budget.front"});
  return read_document(document);
}

Experiment read_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  framework::ConfigDocument document = framework::ConfigDocument::read(file);
  document.apply_overrides(overrides, {"budget"});
  return read_document(document);
}

}  // namespace pare::search
