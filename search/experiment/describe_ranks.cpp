// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "search/experiment/bytes_text.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {
namespace {

Experiment seen_by(const Experiment& experiment, int member) {
  Experiment there = experiment;
  there.member = member;
  return there;
}

/// "the embedding and layers 0-2"
std::string part_text(const framework::StageRange& stages, const framework::Model& model) {
  constexpr std::size_t stages_per_layer = 2;
  const std::size_t first = (std::max<std::size_t>(stages.begin, 1) - 1) / stages_per_layer;
  const std::size_t end = (std::min(stages.end, model.stages().size() - 1) - 1) / stages_per_layer;
  const std::string layers =
      end - first == 1 ? fmt::format("layer {}", first) : fmt::format("layers {}-{}", first, end - 1);
  return (stages.has_embedding() ? "the embedding and " : "") + layers +
         (stages.has_head(model.stages().size()) ? " and the head" : "");
}

std::int64_t bank_bytes(const framework::BankPlan& bank, const framework::StageRange& stages) {
  std::int64_t bytes = 0;
  for (const framework::BankPlan::Entry& entry : bank.entries())
    if (stages.has(bank.sites()[entry.site].stage)) bytes += entry.bytes;
  return bytes;
}

}  // namespace

std::string describe_ranks(const Experiment& experiment, const Plan& plan) {
  const int ranks = experiment.containment.ranks_per_worker;
  std::string text = fmt::format("{} ranks each, which share the layers", ranks);
  for (int member = 0; member < ranks; ++member) {
    const framework::StageRange stages = own_stages(seen_by(experiment, member), plan.model);
    text += fmt::format("{} number {} has {}, {} of the bank", member == 0 ? ":" : ";", member + 1,
                        part_text(stages, plan.model), bytes_text(bank_bytes(plan.bank, stages)));
  }
  return text;
}

std::string describe_card(const Experiment& experiment, const Plan& plan, const std::string& card) {
  const std::int64_t bytes = framework::card_memory(card);
  const int ranks = experiment.containment.ranks_per_worker;
  std::string text;
  for (int member = 0; member < ranks; ++member) {
    const Experiment there = seen_by(experiment, member);
    const std::string of = ranks == 1 ? ""
                                      : fmt::format(", {} of {} ranks of a worker, with {}", member + 1, ranks,
                                                    part_text(own_stages(there, plan.model), plan.model));
    text += fmt::format("\nmemory of one {}{}\n{}", card, of, to_text(plan_gpu(there, plan, bytes)));
  }
  return text;
}

}  // namespace pare::search
