// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "framework/calibration/calibration_file.hpp"
#include "search/algorithm/feasibility.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/experiment/bytes_text.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/plan.hpp"
#include "search/space/mixture.hpp"

namespace pare::search {
namespace {

/// Sites that look alike: the same kind, weights and options.
struct SiteGroup {
  const SearchSite* first = nullptr;
  std::string shapes;
  int count = 0;
};

std::vector<SiteGroup> group_sites(const Plan& plan) {
  std::vector<SiteGroup> groups;
  std::map<std::string, std::size_t> index;
  for (std::size_t s = 0; s < plan.space.sites.size(); ++s) {
    const SearchSite& site = plan.space.sites[s];
    std::string key = site.kind + std::to_string(site.weights);
    for (const SiteOption& option : site.options) key += " " + option.name;
    const auto [found, fresh] = index.emplace(key, groups.size());
    if (fresh) {
      std::string shapes;
      for (const std::size_t l : plan.sites[s].linears) {
        const auto& linear = plan.model.stages()[plan.sites[s].stage].linears[l];
        shapes += fmt::format("{}{} x {}", shapes.empty() ? "" : " + ", linear.outputs, linear.inputs);
      }
      groups.push_back({&site, shapes, 0});
    }
    ++groups[found->second].count;
  }
  return groups;
}

/// Words with a blank between them, in lines of at most 100 columns (a longer word has a line to itself). The text
/// before them ends at `column`; further lines are indented to `indent`.
std::string wrapped(const std::vector<std::string>& words, std::size_t column, std::size_t indent) {
  constexpr std::size_t width = 100;
  std::string text;
  bool starts = true;
  for (const std::string& word : words) {
    if (!starts && column + 1 + word.size() > width) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!starts) {
      text += " ";
      ++column;
    }
    text += word;
    column += word.size();
    starts = false;
  }
  return text;
}

/// Beside the name of a line.
std::string paragraph(const std::string& text) {
  std::istringstream stream(text);
  const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  return wrapped(words, 11, 11);
}

/// Options stand beside their site where that leaves them half of a line, else below it.
std::string site_table(const Plan& plan) {
  constexpr std::size_t widest_prefix = 50;
  const std::vector<SiteGroup> groups = group_sites(plan);
  std::size_t kinds = 4, shapes = 8;
  for (const SiteGroup& group : groups) {
    kinds = std::max(kinds, group.first->kind.size());
    shapes = std::max(shapes, group.shapes.size());
  }
  const std::size_t prefix = 2 + kinds + 2 + 5 + 2 + shapes + 2;
  const bool beside = prefix <= widest_prefix;
  std::string text = fmt::format("\n  {:<{}}  {:>5}  {:<{}}  {}\n", "site", kinds, "count", "out x in", shapes,
                                 beside ? "options (bytes a site)" : "");
  if (!beside)
    text = fmt::format("\n  {:<{}}  {:>5}  out x in; below: options (bytes a site)\n", "site", kinds, "count");
  for (const SiteGroup& group : groups) {
    std::vector<std::string> options;
    for (const SiteOption& option : group.first->options)
      options.push_back(fmt::format("{} ({})", option.name, bytes_text(option.bytes)));
    const std::size_t column = beside ? prefix : 6;
    text += beside
                ? fmt::format("  {:<{}}  {:>5}  {:<{}}  ", group.first->kind, kinds, group.count, group.shapes, shapes)
                : fmt::format("  {:<{}}  {:>5}  {}\n      ", group.first->kind, kinds, group.count, group.shapes);
    text += wrapped(options, column, column) + "\n";
  }
  return text;
}

/// Options that some sites cannot hold: each reason once, with the sites that it is true of.
std::string left_out_text(const Plan& plan) {
  struct Reason {
    std::string text;
    int sites = 0;
    std::vector<std::string> kinds;
  };
  std::vector<Reason> reasons;
  for (const framework::Site& site : plan.sites) {
    for (const std::string& text : site.left_out) {
      auto reason = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& r) { return r.text == text; });
      if (reason == reasons.end()) reason = reasons.insert(reason, {text, 0, {}});
      ++reason->sites;
      if (std::find(reason->kinds.begin(), reason->kinds.end(), site.kind) == reason->kinds.end())
        reason->kinds.push_back(site.kind);
    }
  }
  std::string text;
  for (const Reason& reason : reasons) {
    const std::string line = fmt::format("{} ({} {}: {})", reason.text, reason.sites,
                                         reason.sites == 1 ? "site" : "sites", fmt::join(reason.kinds, ", "));
    text += fmt::format("{:<10} ", text.empty() ? "left out" : "") + paragraph(line) + "\n";
  }
  return text.empty() ? text : text + "\n";
}

/// Names of the options of which `is` holds, in the order of their first appearance, with commas between them.
std::string options_that(const Plan& plan, bool (framework::Option::*is)() const) {
  std::vector<std::string> names;
  for (const framework::Site& site : plan.sites) {
    for (const framework::Option& option : site.options) {
      const bool known = std::find(names.begin(), names.end(), option.name()) != names.end();
      if ((option.*is)() && !known) names.push_back(option.name());
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Which options make layers decide together, though the user has tied nothing.
std::string tied_text(const Plan& plan) {
  std::string text;
  const auto line = [&](const std::string& options, const char* consequence) {
    if (options.empty()) return;
    text += fmt::format("{:<10} {}\n", text.empty() ? "tied" : "", paragraph(options + consequence));
  };
  line(options_that(plan, &framework::Option::is_structured),
       ": take from a whole sub-layer, so all of its layers take part or none");
  line(options_that(plan, &framework::Option::scales_inputs),
       ": scale an input, so the layers that read it have one option");
  return text.empty() ? text : text + "\n";
}

/// What the target's engine makes of the layers.
std::string target_text(const Experiment& experiment, const Plan& plan) {
  if (experiment.target == framework::Target::llama_cpp) return "llama.cpp: GGUF block formats, each layer for itself";
  std::vector<std::string> slow;
  for (const framework::Stage& stage : plan.model.stages()) {
    for (const framework::Linear& linear : stage.linears) {
      const std::string shape = fmt::format("{} {} x {}", linear.kind, linear.outputs, linear.inputs);
      if (!fits_marlin(linear) && std::find(slow.begin(), slow.end(), shape) == slow.end()) slow.push_back(shape);
    }
  }
  std::string text = "vllm: q, k, v have one option, gate, up another, since it runs them as one";
  if (!slow.empty()) {
    text += fmt::format(
        "; WARNING: {} not for its Marlin kernels (outputs in 64s, inputs in 128s), packed weights run slower there",
        fmt::join(slow, ", "));
  }
  return text;
}

/// With too little text calibrated options fit that text and no other: uniform w2-g32-gptq on the demo model (inputs of
/// up to 768) has KL 0.40 on other text with 1024 tokens, 0.20 with 4096, 0.184 with 16384; on the very text that
/// calibrated it 0.19, 0.18 and 0.170.
std::string calibration_text(const Plan& plan) {
  constexpr double enough_tokens = 8;
  std::int64_t widest = 1;
  for (const framework::Stage& stage : plan.model.stages())
    for (const framework::Linear& linear : stage.linears) widest = std::max(widest, linear.inputs);
  const framework::WindowPlan& windows = plan.windows;
  const bool own = windows.calibration > 0;
  const std::int64_t tokens = (own ? windows.calibration : windows.windows) * windows.length;
  const double share = static_cast<double>(tokens) / static_cast<double>(widest);
  std::string text =
      fmt::format("the inputs of all layers are measured first, on {}, for {}",
                  own ? fmt::format("{} windows that neither search nor verdict sees", windows.calibration)
                      : fmt::format("the {} search windows (data.calibration_windows: 0)", windows.windows),
                  options_that(plan, &framework::Option::needs_calibration));
  if (!own) {
    text += "; WARNING: the search judges these options on the text that they were fitted to, which flatters them";
  }
  if (share < enough_tokens) {
    text += fmt::format(
        "; WARNING: {} tokens are only {:.1f} for each of {} inputs, such options will fit this text and no other, "
        "give at least {} ({}, data.length)",
        tokens, share, widest, static_cast<std::int64_t>(enough_tokens) * widest,
        own ? "data.calibration_windows" : "data.windows");
  }
  return text;
}

/// A cost in its own unit.
std::string cost_text(const SearchSpace& space, std::size_t measure, std::int64_t cost) {
  if (space.measures[measure].unit == "ps") return fmt::format("{:.6g} s", static_cast<double>(cost) * 1e-12);
  return bytes_text(cost);
}

/// Every row of every budget with what is possible, and what the uniform recipes cost in the rows besides bytes.
std::string budget_text(const Experiment& experiment, const Plan& plan) {
  const SearchSpace& space = plan.space;
  const auto size = [&](std::int64_t bytes) {
    return fmt::format("{} = {:.3f} bits a weight", bytes_text(bytes), space.bits_per_weight(bytes));
  };
  const std::size_t count = plan.budgets.size();
  std::string text = fmt::format("{:<10} ", "budget");
  if (count > 1) {
    text += fmt::format("{} of them, from {} to {}", count, size(plan.budgets.back().bytes),
                        size(plan.budgets.front().bytes));
  } else {
    text += experiment.budgets.front().bytes.empty() ? std::string("bytes are not limited")
                                                     : size(plan.budgets.front().bytes);
  }
  text += fmt::format(" (smallest possible {} = {:.3f}, largest {} = {:.3f})\n", bytes_text(space.smallest_bytes()),
                      space.bits_per_weight(space.smallest_bytes()), bytes_text(space.largest_bytes()),
                      space.bits_per_weight(space.largest_bytes()));
  for (std::size_t m = 0; m < space.measures.size(); ++m) {
    const auto [least, most] = cost_range(space, m);
    std::string limits;
    for (const Budget& budget : plan.budgets) {
      const std::string limit = budget.limits[m] == Budget::unlimited ? "none" : cost_text(space, m, budget.limits[m]);
      if (limits.find(limit) == std::string::npos) limits += (limits.empty() ? "" : ", ") + limit;
    }
    text += fmt::format("{:<10} {}: at most {} (smallest possible {}, largest {})\n", "", space.measures[m].name,
                        limits, cost_text(space, m, least), cost_text(space, m, most));
    std::vector<std::string> words;
    for (const std::string& name : space.uniform_options()) {
      const std::string cost = cost_text(space, m, space.cost(m, *space.uniform(name)));
      words.push_back(fmt::format("{} {},", name, cost));
    }
    if (words.empty()) continue;
    words.back().pop_back();
    words.front().insert(0, "uniform: ");
    text += fmt::format("{:<10} ", "") + wrapped(words, 11, 11) + "\n";
  }
  return text;
}

/// What llama-quantize would make of the layers, where the options can say it; where they cannot, what they lack.
std::string mixtures_text(const Experiment& experiment, const Plan& plan) {
  const SearchSpace& space = plan.space;
  const std::vector<std::string> known = expressible_mixtures(space);
  if (known.empty() && experiment.target != framework::Target::llama_cpp) return {};
  std::vector<std::string> parts;
  for (const std::string& name : known) {
    const std::int64_t bytes = space.bytes(*mixture_recipe(space, name));
    parts.push_back(fmt::format("{} {} = {:.3f}", name, bytes_text(bytes), space.bits_per_weight(bytes)));
  }
  std::map<std::string, std::vector<std::string>> without;
  for (const Mixture& mixture : space.mixtures) {
    std::vector<std::string> options;
    for (const MissingOption& each : missing_options(space, mixture.name))
      options.push_back(each.option.empty() ? "layers that are not tied" : each.option);
    if (!options.empty()) without[fmt::format("{}", fmt::join(options, ", "))].push_back(mixture.name);
  }
  for (const auto& [options, names] : without)
    parts.push_back(fmt::format("without {} no {}", options, fmt::join(names, ", ")));
  return fmt::format("{:<10} ", "mixtures") + paragraph(fmt::format("{}", fmt::join(parts, "; "))) + "\n";
}

/// The token files, with the share of each in the windows that decide the search.
std::string text_of(const Experiment& experiment) {
  if (experiment.texts.empty()) return "sampled from the model itself";
  if (experiment.objective.domains.empty()) return experiment.texts.front().file.string();
  std::vector<std::string> parts;
  for (std::size_t t = 0; t < experiment.texts.size(); ++t) {
    const framework::TextSource& text = experiment.texts[t];
    parts.push_back(fmt::format("{} ({}, {} windows)", text.name, text.file.string(),
                                std::ranges::count(experiment.objective.search, static_cast<std::uint16_t>(t))));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Arithmetic of one token through the whole model, multiply and add counted as two.
double operations_per_token(const Plan& plan, std::int64_t length) {
  const framework::ModelConfig& config = plan.model.config();
  const double head = static_cast<double>(config.vocabulary * config.hidden);
  // Causal attention sees half of the window on average, for scores and for values.
  const double attention = static_cast<double>(config.layers * config.heads * config.head_dim * length);
  return 2 * (static_cast<double>(plan.space.weights()) + head) + 2 * attention;
}

}  // namespace

std::string describe(const Experiment& experiment, const Plan& plan) {
  const framework::ModelConfig& config = plan.model.config();
  const SearchSpace& space = plan.space;
  const framework::WindowPlan& windows = plan.windows;
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("{:<10} {}\n", name, value);
  };
  line("model", fmt::format("{}: {}, {} layers, hidden {}, vocabulary {}, {} on disk", plan.model.directory().string(),
                            config.model_type, config.layers, config.hidden, config.vocabulary,
                            bytes_text(plan.model.total_bytes())));
  if (experiment.target != framework::Target::none) line("target", paragraph(target_text(experiment, plan)));
  line("text", paragraph(text_of(experiment)));
  line("", fmt::format("{} {} to search on, {} held out to confirm{}", windows.windows,
                       windows.choices > 0 ? fmt::format("items, up to {} choices, each in {} tokens with its context,",
                                                         windows.choices, windows.length)
                                           : fmt::format("windows of {} tokens", windows.length),
                       windows.holdout,
                       windows.calibration > 0 ? fmt::format(", {} to calibrate on", windows.calibration) : ""));
  line("sites",
       fmt::format("{} with {:.3f} M weights, {} in the checkpoint; 10^{:.1f} recipes", space.sites.size(),
                   static_cast<double>(space.weights()) / 1e6, bytes_text(space.original_bytes()), space.log10_size()));
  text += site_table(plan) + "\n" + tied_text(plan) + left_out_text(plan);
  text += budget_text(experiment, plan) + mixtures_text(experiment, plan);
  line("objective", loss_name(experiment.objective));
  line("search", fmt::format("{}, seed {}", experiment.algorithm, experiment.seed));

  std::int64_t tokens = 0;
  for (std::size_t b = 0; b < plan.budgets.size(); ++b) {
    tokens += make_algorithm(experiment.algorithm, make_problem(experiment, plan, b))->token_limit();
  }
  const std::int64_t contestants = 6 + std::min<std::int64_t>(2, std::ssize(expressible_mixtures(space)));
  const std::int64_t confirm =
      contestants * static_cast<std::int64_t>(plan.budgets.size()) * windows.holdout * windows.window_tokens();
  const double operations = operations_per_token(plan, windows.length) * static_cast<double>(tokens + confirm);
  line("work", paragraph(fmt::format(
                   "at most {:.2f} M candidate-tokens to search and {:.2f} M to confirm: {:.2f} Tflop, about "
                   "half of it saved by shared prefixes",
                   static_cast<double>(tokens) / 1e6, static_cast<double>(confirm) / 1e6, operations / 1e12)));
  const std::int64_t top_k = std::min(experiment.teacher_top_k, config.vocabulary);
  const std::int64_t teacher = (windows.windows + windows.holdout) * windows.rows() * (windows.length - 1) * top_k * 8;
  const bool calibrates = plan.bank.needs_calibration();
  const std::int64_t statistics =
      calibrates
          ? framework::calibration_bytes(plan.model, windows.calibration > 0 ? windows.calibration : windows.windows)
          : 0;
  if (calibrates) {
    line("calibrate", paragraph(calibration_text(plan)));
  }
  line("failing",
       paragraph("a layer goes without an option whose numbers do not work out there (a Hessian that no damping "
                 "makes positive definite, a scale beyond binary16), with a warning"));
  line("disk", fmt::format("{} bank, {}{} teacher in {}", bytes_text(plan.bank.total_bytes()),
                           calibrates ? bytes_text(statistics) + " statistics, " : "", bytes_text(teacher),
                           experiment.cache.string()));
  const int tables_of_a_rank = experiment.containment.ranks_per_worker > 1 ? 1 : 2;  // embedding or head, or both
  const std::int64_t tables = tables_of_a_rank * config.vocabulary * config.hidden * 4;
  if (experiment.containment.ranks_per_worker > 1) line("worker", paragraph(describe_ranks(experiment, plan)));
  line("memory", fmt::format("a node maps model, bank and teacher once; a {} adds about {}",
                             experiment.containment.ranks_per_worker > 1 ? "rank" : "worker",
                             bytes_text(tables + (experiment.weight_cache_mib << 20) + experiment.state_cache_bytes() +
                                        3 * (std::int64_t{64} << 20))));
  line("device", paragraph(describe_device(experiment, plan)));
  line("output", experiment.output.string());
  return text;
}

}  // namespace pare::search
