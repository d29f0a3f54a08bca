// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/objective_yaml.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "framework/config/utf8.hpp"

namespace pare::search {
namespace {

using framework::ConfigView;
using framework::TextSource;

/// Every domain needs a mean with an error, so at least two windows.
void check_share(const ConfigView& view, const std::string& text, std::int64_t share, std::int64_t windows,
                 const std::string& key) {
  if (share >= 2) return;
  view.fail("'" + text + "' gets " + std::to_string(share) + " of the " + std::to_string(windows) +
            " windows of data." + key + " (two are the least), raise data." + key + " or its weight");
}

}  // namespace

std::vector<TextSource> read_texts(const ConfigView& view) {
  std::vector<TextSource> texts;
  std::set<std::string> names, files;
  for (const ConfigView& entry : view.as_list()) {
    entry.allow_keys({"file", "weight", "name"});
    TextSource text{.file = entry.at("file").as_string(), .name = {}, .weight = 1};
    if (text.file == "self") entry.fail("sampled text is no domain (data.calibration: self), give a token file");
    text.name = text.file.stem().string();
    if (const auto x = entry.find("name")) text.name = x->as_string();
    if (const auto x = entry.find("weight")) text.weight = x->as_double(1e-6, 1e6);
    if (text.name.empty()) entry.fail("a text without a name");
    if (!files.insert(text.file.lexically_normal().string()).second) {
      entry.fail("'" + framework::printable(text.file.string()) +
                 "' is listed twice, give it one entry with more weight");
    }
    if (!names.insert(text.name).second) {
      entry.fail("two texts are called '" + framework::printable(text.name) + "', give each a name: of its own");
    }
    texts.push_back(std::move(text));
  }
  if (texts.empty()) view.fail("no texts, list at least one such as {file: wiki.h5}");
  if (texts.size() > 1000) view.fail("more than 1000 texts");
  return texts;
}

void deal_domains(const ConfigView& view, const std::vector<TextSource>& texts, const framework::WindowPlan& windows,
                  Objective& objective) {
  std::vector<double> weights;
  for (const TextSource& text : texts) {
    weights.push_back(text.weight);
    objective.domains.push_back({text.name, text.weight});
  }
  objective.search = framework::deal_windows(weights, windows.windows);
  objective.holdout = framework::deal_windows(weights, windows.holdout);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto domain = static_cast<std::uint16_t>(t);
    const std::string name = framework::printable(texts[t].name);
    check_share(view, name, std::ranges::count(objective.search, domain), windows.windows, "windows");
    check_share(view, name, std::ranges::count(objective.holdout, domain), windows.holdout, "holdout");
  }
}

void read_items(const ConfigView& data, const Objective& objective, framework::WindowPlan& windows,
                bool text_is_sampled) {
  const auto choices = data.find("choices");
  if (objective.metric != Metric::accuracy) {
    if (choices) choices->fail("only items have choices, say objective: {metric: accuracy} or leave the key out");
    return;
  }
  if (text_is_sampled) {
    data.at("calibration")
        .fail(
            "sampled text has no right answers, objective.metric: accuracy needs multiple-choice items "
            "(scripts/tokenize.py --items)");
  }
  if (windows.calibration == 0) {
    data.at("calibration_windows").fail("items are no text to calibrate on, give at least 1 or leave the key out");
  }
  windows.choices = choices ? choices->as_int(2, 64) : 4;
}

void read_objective(const ConfigView& view, Objective& objective) {
  view.allow_keys({"metric", "combine"});
  if (const auto x = view.find("metric")) objective.metric = metric_of(x->as_one_of(metric_names()));
  if (const auto x = view.find("combine")) {
    objective.combine = combine_of(x->as_one_of(combine_names()));
    if (objective.combine == Combine::worst && objective.domains.size() < 2)
      x->fail("the worst of one text is that text, list several in data.texts or leave the key out");
  }
}

}  // namespace pare::search
