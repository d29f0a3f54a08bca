// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_document.hpp"
#include "search/experiment/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

/// An experiment in YAML; behind a zero byte, if there is one, an override for --set.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text = fuzz::text_of(data, size);
  std::vector<std::string> overrides;
  if (const auto zero = text.find('\0'); zero != std::string::npos) {
    overrides.push_back(text.substr(zero + 1));
    text.resize(zero);
  }
  fuzz::accepts([&] {
    auto document = framework::ConfigDocument::parse(text, "experiment.yaml");
    document.apply_overrides(overrides, {"budget"});
    const std::string resolved = document.resolved_text();
    fuzz::require(framework::ConfigDocument::parse(resolved, "resolved.yaml").resolved_text() == resolved,
                  "the resolved text reads back as itself");
  });
  fuzz::accepts([&] {
    const search::Experiment experiment = search::parse_experiment(text, "experiment.yaml", overrides);
    const search::Experiment again = search::parse_experiment(experiment.resolved_yaml, "resolved.yaml", {});
    fuzz::require(again.identity == experiment.identity, "a resolved experiment is the same experiment");
  });
  return 0;
}
