// SPDX-License-Identifier: Apache-2.0
#include "search/report/markdown_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "search/report/allocation_grid.hpp"
#include "search/report/comparison.hpp"
#include "search/report/number_text.hpp"
#include "search/report/verdict_table.hpp"

namespace pare::search {
namespace {

/// As text: no markup, no end of a table's cell.
std::string plain(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    if (std::string_view("\\`*_[]<>|#&~").find(letter) != std::string_view::npos) safe += '\\';
    safe += letter == '\n' ? ' ' : letter;  // lines of one paragraph
  }
  return safe;
}

std::string title(const RunRecord& record) {
  const auto model = std::ranges::find(record.provenance, "model", &std::pair<std::string, std::string>::first);
  return fmt::format("## pare: {}\n\n", model == record.provenance.end() ? "a model" : plain(model->second));
}

std::string contestants_table(const RunRecord& record, const Verdict& verdict) {
  std::string text =
      "| contestant | bytes | bits a weight | KL, nats a token | perplexity | |\n"
      "| --- | ---: | ---: | ---: | ---: | --- |\n";
  for (std::size_t i = 0; i < verdict.contestants.size(); ++i) {
    const Contestant& each = verdict.contestants[i];
    const char* mark = i == verdict.winner ? "**" : "";
    text += fmt::format("| {}{}{} | {} | {:.3f} | {} | {} | {} |\n", mark, plain(each.name), mark, grouped(each.bytes),
                        each.bits_per_weight, estimate_text(each.kl, "±"), perplexity_text(each.perplexity),
                        i == verdict.winner ? "winner"
                        : each.fits         ? ""
                                            : "over the budget");
  }
  return text + fmt::format("| full model | {} | {:.3f} | 0 | {} | |\n\n", grouped(verdict.reference_bytes),
                            record.space.bits_per_weight(verdict.reference_bytes),
                            perplexity_text(verdict.reference_perplexity));
}

std::string front_table(const RunRecord& record, const Verdict& verdict) {
  if (verdict.front.empty()) return {};
  std::string text =
      "| budget, bits a weight | winner | bytes | KL, nats a token | best uniform recipe that fits |\n"
      "| ---: | --- | ---: | ---: | --- |\n";
  for (const FrontPoint& point : verdict.front) {
    const Contestant& winner = verdict.contestants[point.winner];
    std::string uniform = "none";
    if (point.uniform) {
      const Contestant& best = verdict.contestants[*point.uniform];
      uniform = fmt::format("{:.5f}, {}", best.kl.mean, plain(best.name));
    }
    text +=
        fmt::format("| {:.3f} | {} | {} | {:.5f} ± {:.6f} | {} |\n", record.space.bits_per_weight(point.budget_bytes),
                    plain(winner.name), grouped(winner.bytes), winner.kl.mean, winner.kl.stderr_of_mean, uniform);
  }
  return text + "\n";
}

std::string details(const std::string& summary, const std::string& content) {
  return fmt::format("<details><summary>{}</summary>\n\n{}\n</details>\n\n", summary, content);
}

/// Lines that no content can end: longer than any row of backticks in it.
std::string verbatim(const std::string& content) {
  std::string fence = "```";
  while (content.find(fence) != std::string::npos) fence += '`';
  return fence + "\n" + content + (content.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string provenance(const RunRecord& record) {
  std::string text = "| fact | value |\n| --- | --- |\n";
  for (const auto& [key, value] : record.provenance) text += fmt::format("| {} | {} |\n", plain(key), plain(value));
  return text;
}

}  // namespace

std::string markdown_report(const RunRecord& record) {
  if (!record.verdict) return title(record) + plain(verdict_table(record)) + "\n";
  const Verdict& verdict = *record.verdict;
  const Contestant& winner = verdict.contestants[verdict.winner];
  return title(record) +
         fmt::format("Budget {} bytes ({:.3f} bits a weight), {} held-out windows of {} tokens, minimized: {}.\n\n",
                     grouped(verdict.budget_bytes), record.space.bits_per_weight(verdict.budget_bytes),
                     record.holdout_windows, record.window_length, loss_name(record.objective)) +
         plain(gain_text(record)) + "\n\n" + contestants_table(record, verdict) + front_table(record, verdict) +
         details("Options of " + plain(winner.name) + ", by layer and kind",
                 verbatim(allocation_grid(record.space, winner.recipe))) +
         details("Experiment", verbatim(record.yaml)) + details("Provenance", provenance(record)) +
         fmt::format("{} tokens, {} evaluations, {:.1f} s; digest `{}` over {} trials.\n",
                     grouped(verdict.spent.tokens), grouped(verdict.spent.evaluations), verdict.spent.seconds,
                     verdict.digest, grouped(verdict.trials));
}

}  // namespace pare::search
