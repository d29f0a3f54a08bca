// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <variant>

#include "search/algorithm/search_algorithm.hpp"
#include "search/experiment/experiment.hpp"
#include "tests/framework/config/expect_error.hpp"

namespace pare::test {
namespace {

using search::Experiment;

constexpr const char* smallest = R"(schema: 1
model: {path: models/tiny}
data: {calibration: self}
options: [w4-g32, w8-g32]
budget: {same_as: w4-g32}
output: runs/tiny
)";

Experiment parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return search::parse_experiment(text, "x.yaml", overrides);
}

std::string error_in(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return error_of([&] { parse(text, overrides); });
}

/// The smallest experiment with one line replaced.
std::string with_line(int line, const std::string& text) {
  std::string result = smallest;
  std::size_t begin = 0;
  for (int i = 1; i < line; ++i) begin = result.find('\n', begin) + 1;
  return result.replace(begin, result.find('\n', begin) - begin, text);
}

}  // namespace

TEST(ExperimentYaml, ReadsRungsAndLimits) {
  const Experiment experiment =
      parse(smallest, {"search.rungs=[2048, 8192]", "search.limits={minutes: 1.5, tokens: 5000, evaluations: 70}"});

  EXPECT_EQ(experiment.rungs, (std::vector<std::int64_t>{2048, 8192}));
  EXPECT_EQ(experiment.minute_limit, 1.5);
  EXPECT_EQ(experiment.token_limit, 5000);
  EXPECT_EQ(experiment.evaluation_limit, 70);
}

TEST(ExperimentYaml, RefusesRungsOutOfOrderAndLimitsGivenTwice) {
  const std::string search = std::string(smallest) + "search: ";

  EXPECT_NE(error_in(search + "{rungs: [8192, 2048]}\n").find("a rung of 2048 tokens after one of 8192"),
            std::string::npos);
  EXPECT_NE(error_in(search + "{tokens: 5, limits: {tokens: 6}}\n").find("given as search.tokens, too"),
            std::string::npos);
  EXPECT_NE(error_in(search + "{limits: {minute: 5}}\n").find("minutes"), std::string::npos);
}

TEST(ExperimentYaml, ReadsEveryKey) {
  const Experiment experiment = parse(R"(
schema: 1
model: {path: models/tiny}
data: {calibration: text.h5, windows: 10, length: 128, holdout: 5, calibration_windows: 7}
target: none
options:
  - {match: "re:model\\.layers\\.0\\.", options: [w16, w8a8]}
  - {match: down_proj, options: [w6-channel-sym]}
  - {match: "*", options: [w3-g32]}
ties: [[q_proj, k_proj], [gate_proj, up_proj]]
budget: {ratio: 0.25}
search: {algorithm: evopress, seed: 42, tokens: 1000000}
evaluation: {precision: bf16, teacher_top_k: 64, weight_cache_mib: 32}
output: runs/a/b
cache: /var/cache/pare
threads: 3
startup: {distribute: always, directory: $TMPDIR}
)");

  EXPECT_EQ(experiment.model, "models/tiny");
  ASSERT_EQ(experiment.texts.size(), 1U);
  EXPECT_EQ(experiment.texts[0].file, "text.h5");
  EXPECT_TRUE(experiment.objective.domains.empty());
  EXPECT_EQ(experiment.windows.windows, 10);
  EXPECT_EQ(experiment.windows.length, 128);
  EXPECT_EQ(experiment.windows.holdout, 5);
  EXPECT_EQ(experiment.windows.calibration, 7);
  ASSERT_EQ(experiment.options.size(), 3U);
  EXPECT_EQ(experiment.options[0].match, "re:model\\.layers\\.0\\.");
  ASSERT_EQ(experiment.options[0].options.size(), 2U);
  EXPECT_EQ(experiment.options[0].options[1].name(), "w8a8");
  EXPECT_EQ(experiment.options[1].options[0].name(), "w6-channel-sym");
  EXPECT_EQ(experiment.ties, (framework::Ties{{"q_proj", "k_proj"}, {"gate_proj", "up_proj"}}));
  EXPECT_EQ(std::get<search::Ratio>(experiment.budgets.at(0).bytes.at(0)).ratio, 0.25);
  EXPECT_EQ(experiment.algorithm, "evopress");
  EXPECT_EQ(experiment.seed, 42U);
  EXPECT_EQ(experiment.token_limit, 1000000);
  EXPECT_EQ(experiment.precision, kernels::Precision::bf16);
  EXPECT_EQ(experiment.teacher_top_k, 64);
  EXPECT_EQ(experiment.weight_cache_mib, 32);
  EXPECT_EQ(experiment.distribution, search::Distribution::always);
  EXPECT_EQ(experiment.node_directory, "$TMPDIR");
  EXPECT_EQ(experiment.output, "runs/a/b");
  EXPECT_EQ(experiment.cache, "/var/cache/pare");
  EXPECT_EQ(experiment.threads, 3);
}

TEST(ExperimentYaml, FillsInDefaults) {
  const Experiment experiment = parse(smallest);

  EXPECT_EQ(experiment.windows.windows, 64);
  EXPECT_EQ(experiment.windows.length, 256);
  EXPECT_EQ(experiment.windows.holdout, 32);
  EXPECT_EQ(experiment.windows.calibration, 64);
  ASSERT_EQ(experiment.options.size(), 1U);
  EXPECT_EQ(experiment.options[0].match, "*");
  EXPECT_TRUE(experiment.ties.empty());
  EXPECT_EQ(experiment.algorithm, "pare");
  EXPECT_EQ(experiment.seed, 1U);
  EXPECT_EQ(experiment.token_limit, 0);
  EXPECT_EQ(experiment.precision, kernels::Precision::f32);
  EXPECT_EQ(experiment.teacher_top_k, 512);
  EXPECT_EQ(experiment.cache, "runs/cache");
  EXPECT_EQ(experiment.threads, 0);
}

TEST(ExperimentYaml, CalibratesOnAsManyWindowsAsItSearchesOnUnlessTold) {
  EXPECT_EQ(parse(with_line(3, "data: {calibration: self, windows: 10}")).windows.calibration, 10);
  EXPECT_EQ(parse(with_line(3, "data: {calibration: self, windows: 10, calibration_windows: 0}")).windows.calibration,
            0);
}

TEST(ExperimentYaml, ReadsEveryKindOfBudget) {
  EXPECT_EQ(std::get<search::SameAs>(parse(smallest).budgets.at(0).bytes.at(0)).option, "w4-g32");
  EXPECT_EQ(
      std::get<search::BitsPerWeight>(parse(with_line(5, "budget: {bits_per_weight: 3.5}")).budgets.at(0).bytes.at(0))
          .bits,
      3.5);
  EXPECT_EQ(std::get<search::Bytes>(parse(with_line(5, "budget: {bytes: 2000000}")).budgets.at(0).bytes.at(0)).bytes,
            2000000);
  EXPECT_EQ(std::get<search::Ratio>(parse(with_line(5, "budget: {ratio: 1}")).budgets.at(0).bytes.at(0)).ratio, 1);
}

TEST(ExperimentYaml, TellsMixturesFromBlockFormatsByTheirCase) {
  const auto same_as = [](const std::string& name) {
    return std::get<search::SameAs>(parse(with_line(5, "budget: {same_as: " + name + "}")).budgets.at(0).bytes.at(0))
        .option;
  };

  EXPECT_EQ(same_as("Q2_K"), "Q2_K");
  EXPECT_EQ(same_as("q2_k"), "q2_k");
  EXPECT_EQ(same_as("Q4_K_M"), "Q4_K_M");
  EXPECT_THAT(error_of([&] { same_as("q4_k_m"); }), testing::HasSubstr("did you mean 'Q4_K_M'?"));
}

TEST(ExperimentYaml, ReadsSeveralRowsAndAFront) {
  const Experiment rows = parse(with_line(5,
                                          "budget: {ratio: 0.3, bytes: 9, decode_seconds: 0.5, kv_bytes: 7}\n"
                                          "latency: {table: t.csv, decode_tokens: 4}\nkv: {tokens: 100}"));
  const Experiment front = parse(with_line(5, "budget: {front: {from: 2.5, to: 3.5, points: 3}}"));

  EXPECT_EQ(rows.budgets.at(0).bytes.size(), 2U);
  EXPECT_EQ(rows.budgets.at(0).decode_seconds, 0.5);
  EXPECT_EQ(rows.budgets.at(0).kv_bytes, 7);
  EXPECT_EQ(rows.latency->prefill_tokens, 2048);
  EXPECT_EQ(rows.latency->decode_tokens, 4);
  ASSERT_EQ(front.budgets.size(), 3U);
  EXPECT_EQ(std::get<search::BitsPerWeight>(front.budgets[1].bytes.at(0)).bits, 3.0);
}

TEST(ExperimentYaml, ReadsTheQuickstart) {
  const char* source = std::getenv("PARE_SOURCE_DIR");
  ASSERT_NE(source, nullptr);

  const Experiment experiment = search::read_experiment(std::filesystem::path(source) / "configs/quickstart.yaml", {});

  EXPECT_EQ(experiment.output, "runs/quickstart");
  EXPECT_EQ(experiment.options.at(0).options.size(), 6U);
}

TEST(ExperimentYaml, OverridesReplaceKeys) {
  const Experiment experiment =
      parse(smallest, {"search.seed=7", "data.windows=16", "budget.bytes=5000", "output=elsewhere"});

  EXPECT_EQ(experiment.seed, 7U);
  EXPECT_EQ(experiment.windows.windows, 16);
  EXPECT_EQ(std::get<search::Bytes>(experiment.budgets.at(0).bytes.at(0)).bytes,
            5000);  // one budget takes the place of another
  EXPECT_EQ(experiment.output, "elsewhere");
}

TEST(ExperimentYaml, IdentityIsOfWhatDecidesTheResult) {
  const std::string identity = parse(smallest).identity;

  for (const char* same : {"output=elsewhere", "cache=/tmp/cache", "threads=2", "startup={distribute: never}"})
    EXPECT_EQ(parse(smallest, {same}).identity, identity) << same;
  EXPECT_EQ(parse("# a comment\n" + with_line(4, "options:\n  - w4-g32\n  - w8-g32")).identity, identity);
  for (const char* other :
       {"search.seed=2", "data.length=128", "budget.bytes=5000", "evaluation.precision=bf16", "model.path=other"}) {
    EXPECT_NE(parse(smallest, {other}).identity, identity) << other;
  }
}

TEST(ExperimentYaml, ComparesAllAlgorithmsOnItsOwnBudgetAndSeedUnlessTold) {
  const search::CompareRules rules = parse(smallest, {"search.seed=7"}).compare;

  EXPECT_EQ(rules.algorithms.front(), "pare");
  EXPECT_EQ(rules.algorithms.size(), search::algorithm_names().size() - 1);
  EXPECT_EQ(rules.seeds, std::vector<std::uint64_t>{7});
  ASSERT_EQ(rules.budgets.size(), 1U);
  EXPECT_EQ(rules.budgets[0].name, "same_as: w4-g32");
  EXPECT_EQ(rules.tokens, 0);
}

TEST(ExperimentYaml, ReadsAComparison) {
  const std::string text =
      std::string(smallest) +
      "compare: {algorithms: [ilp, exhaustive], seeds: [3, 1], budgets: [{bytes: 9}, {ratio: 0.5}], "
      "tokens: 5000}\n";

  const Experiment experiment = parse(text);

  EXPECT_EQ(experiment.compare.algorithms, (std::vector<std::string>{"ilp", "exhaustive"}));
  EXPECT_EQ(experiment.compare.seeds, (std::vector<std::uint64_t>{3, 1}));
  EXPECT_EQ(experiment.compare.budgets[1].name, "ratio: 0.5");
  EXPECT_EQ(experiment.compare.tokens, 5000);
  EXPECT_EQ(experiment.identity, parse(smallest).identity);  // a search is the same with and without it
  EXPECT_NE(experiment.compare.identity, parse(smallest).compare.identity);
  EXPECT_EQ(parse(text, {"search.algorithm=ilp"}).compare.identity, experiment.compare.identity);
  EXPECT_NE(parse(text, {"search.seed=2"}).compare.identity, experiment.compare.identity);  // another text
}

TEST(ExperimentYaml, ResolvedTextMeansTheSame) {
  const Experiment experiment = parse(smallest, {"search.seed=7", "budget.bits_per_weight=5"});

  const Experiment again = parse(experiment.resolved_yaml);

  EXPECT_EQ(again.identity, experiment.identity);
  EXPECT_EQ(again.resolved_yaml, experiment.resolved_yaml);
  EXPECT_EQ(again.seed, 7U);
}

struct WrongLine {
  int line;
  std::string text;
  std::string error;

  friend std::ostream& operator<<(std::ostream& out, const WrongLine& wrong) { return out << wrong.text; }
};

class WrongExperiment : public ::testing::TestWithParam<WrongLine> {};

TEST_P(WrongExperiment, IsRefusedWithItsPlace) {
  const auto& [line, text, error] = GetParam();

  const std::string got = error_in(with_line(line, text));

  EXPECT_TRUE(got.starts_with("x.yaml:" + error)) << got << "\nexpected: x.yaml:" << error;
  EXPECT_EQ(got.find('\n'), std::string::npos) << got;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, WrongExperiment,
    ::testing::Values(
        WrongLine{1, "schema: 2", "1:9: schema: expected a whole number"},
        WrongLine{1, "schem: 1", "1:1: schem: unknown key, did you mean 'schema'? (known: schema, model, "},
        WrongLine{1, "target: none", "1:1: missing key 'schema' (it has: target, model"},
        WrongLine{2, "model: {path: a, pth: b}", "2:18: model.pth: unknown key, did you mean 'path'?"},
        WrongLine{2, "model: {}", "2:1: model: missing key 'path' (it is empty)"},
        WrongLine{2, "model: models/tiny", "2:8: model: expected a mapping, got "},
        WrongLine{3, "data: {calibration: self, windows: 1}", "3:36: data.windows: expected a whole number"},
        WrongLine{3, "data: {calibration: self, length: 1.5}", "3:35: data.length: expected a whole number"},
        WrongLine{3, "data: {calibration: self, holdout: 010}", "3:36: data.holdout: expected a whole number"},
        WrongLine{3, "data: {calibration: self, calibration_windows: -1}",
                  "3:48: data.calibration_windows: expected a whole number"},
        WrongLine{3, "data: {calibration: [self]}", "3:8: data.calibration: expected a text"},
        WrongLine{3, "data: {windows: 8}", "3:1: data: missing key 'calibration'"},
        WrongLine{3, "data: {calibration: self, texts: [{file: a.h5}]}",
                  "3:27: data.texts: the text is given as data.calibration, too; keep one of them"},
        WrongLine{3, "data: {texts: []}", "3:8: data.texts: no texts, list at least one such as {file: wiki.h5}"},
        WrongLine{3, "data: {texts: [{file: self}]}", "3:16: data.texts[0]: sampled text is no domain"},
        WrongLine{3, "data: {texts: [{file: a.h5}, {file: b.h5, wieght: 2}]}",
                  "3:43: data.texts[1].wieght: unknown key, did you mean 'weight'?"},
        WrongLine{3, "data: {texts: [{file: a.h5}, {file: ./a.h5, name: b}]}",
                  "3:30: data.texts[1]: './a.h5' is listed twice"},
        WrongLine{3, "data: {texts: [{file: x/a.h5}, {file: y/a.h5}]}",
                  "3:32: data.texts[1]: two texts are called 'a', give each a name: of its own"},
        WrongLine{3, "data: {texts: [{file: a.h5}, {file: b.h5, weight: 0}]}",
                  "3:51: data.texts[1].weight: expected a"},
        WrongLine{
            3, "data: {texts: [{file: a.h5, weight: 25}, {file: b.h5}], windows: 50}",
            "3:8: data.texts: 'b' gets 1 of the 32 windows of data.holdout (two are the least), raise data.holdout "
            "or its weight"},
        WrongLine{4, "options: []", "4:1: options: no options"},
        WrongLine{4, "options: w4-g32", "4:10: options: expected a list"},
        WrongLine{4, "options: [w4-g32, w9-g32]", "4:19: options[1]: "},
        WrongLine{4, "options: [w4-g32, w4-g32]", "4:19: options[1]: option 'w4-g32' is listed twice"},
        WrongLine{4, "options: [{match: '*', optons: [w4-g32]}]",
                  "4:24: options[0].optons: unknown key, did you mean 'options'?"},
        WrongLine{4, "options: [{match: '*', options: []}]", "4:24: options[0].options: no options"},
        WrongLine{5, "budget: {}",
                  "5:1: budget: limits nothing, give at least one of bits_per_weight, bytes, ratio, same_as"},
        WrongLine{5, "budget: []", "5:1: budget: no budgets, list at least one such as {bits_per_weight: 3.5}"},
        WrongLine{5, "budget: {decode_seconds: 1}",
                  "5:1: budget: a limit in seconds needs a table of times, latency: {table: FILE}"},
        WrongLine{5, "budget: {kv_bytes: 1}",
                  "5:1: budget: kv_bytes needs the tokens in the cache, kv: {tokens: 8192}"},
        WrongLine{5, "budget: {bytes: 9}\nkv: {tokens: 8}", "6:1: kv: no budget has kv_bytes, so it changes nothing"},
        WrongLine{5, "budget: {front: {from: 4, to: 3, points: 5}}", "5:10: budget.front: from must be below to"},
        WrongLine{5, "budget: {bytes: 9, front: {from: 2, to: 3, points: 5}}",
                  "5:20: budget.front: a front is a size already"},
        WrongLine{5, "budget: {bits_per_wieght: 3}",
                  "5:10: budget.bits_per_wieght: unknown key, did you mean 'bits_per_weight'?"},
        WrongLine{5, "budget: {ratio: 1.5}", "5:17: budget.ratio: expected a number"},
        WrongLine{5, "budget: {bytes: -4}", "5:17: budget.bytes: expected a whole number"},
        WrongLine{5, "budget: {same_as: w4_g32}", "5:19: budget.same_as: "},
        WrongLine{5, "budget: {ratio: 0.5}\nbudget: {ratio: 0.6}", "6:1: key 'budget' is given twice, keep one"},
        WrongLine{6, "output: {}", "6:1: output: expected a text"},
        WrongLine{6, "output: a\nthreads: 0", "7:10: threads: expected a whole number"},
        WrongLine{6, "output: a\nstartup: {distribute: yes}", "7:23: startup.distribute: unknown value 'yes'"},
        WrongLine{6, "output: a\nstartup: {dir: a}", "7:11: startup.dir: unknown key"},
        WrongLine{6, "output: a\nties: [[q_proj]]", "7:8: ties[0]: a tie needs at least two kinds"},
        WrongLine{6, "output: a\ntarget: vlm",
                  "7:9: target: unknown value 'vlm', did you mean 'vllm'? (known: none, vllm, llama.cpp)"},
        WrongLine{6, "output: a\nsearch: {algorithm: evopres}",
                  "7:21: search.algorithm: unknown value 'evopres', did you mean 'evopress'?"},
        WrongLine{6, "output: a\ncompare: {algorithms: [pare, gredy]}",
                  "7:30: compare.algorithms[1]: unknown value 'gredy', did you mean 'greedy'?"},
        WrongLine{6, "output: a\nobjective: {metric: ppl}",
                  "7:21: objective.metric: unknown value 'ppl', did you mean 'kl'? (known: kl, perplexity, accuracy)"},
        WrongLine{6, "output: a\nobjective: {metric: accuracy}",
                  "3:21: data.calibration: sampled text has no right answers, objective.metric: accuracy needs"},
        WrongLine{3, "data: {calibration: a.h5, choices: 3}", "3:36: data.choices: only items have choices"},
        WrongLine{3, "data: {calibration: a.h5, choices: 1}\nobjective: {metric: accuracy}",
                  "3:36: data.choices: expected a whole number"},
        WrongLine{3, "data: {calibration: a.h5, calibration_windows: 0}\nobjective: {metric: accuracy}",
                  "3:48: data.calibration_windows: items are no text to calibrate on"},
        WrongLine{6, "output: a\nobjective: {combine: wrost}",
                  "7:22: objective.combine: unknown value 'wrost', did you mean 'worst'?"},
        WrongLine{6, "output: a\nobjective: {combine: worst}",
                  "7:22: objective.combine: the worst of one text is that text, list several in data.texts"},
        WrongLine{6, "output: a\ncompare: {seeds: [4, 4]}", "7:22: compare.seeds[1]: 4 is listed twice"},
        WrongLine{6, "output: a\ncompare: {seeds: []}", "7:11: compare.seeds: the list is empty"},
        WrongLine{6, "output: a\ncompare: {budget: []}", "7:11: compare.budget: unknown key, did you mean 'budgets'?"},
        WrongLine{6, "output: a\nsearch: {seed: -1}", "7:16: search.seed: expected a whole number"},
        WrongLine{6, "output: a\nevaluation: {precision: fp16}", "7:25: evaluation.precision: unknown value 'fp16'"},
        WrongLine{6, "output: a\nevaluation: {teacher_topk: 4}",
                  "7:14: evaluation.teacher_topk: unknown key, did you mean 'teacher_top_k'?"}));

TEST(ExperimentYaml, DealsTheWindowsToTheDomains) {
  const Experiment experiment = parse(
      with_line(3,
                "data: {texts: [{file: x/wiki.h5, weight: 2}, {file: code.h5, name: source}], windows: 6, holdout: 6}\n"
                "objective: {metric: perplexity, combine: worst}"));

  ASSERT_EQ(experiment.texts.size(), 2U);
  EXPECT_EQ(experiment.texts[0].name, "wiki");
  EXPECT_EQ(experiment.texts[0].file, "x/wiki.h5");
  EXPECT_EQ(experiment.objective, (search::Objective{search::Metric::perplexity,
                                                     search::Combine::worst,
                                                     {{"wiki", 2}, {"source", 1}},
                                                     {0, 1, 0, 0, 1, 0},
                                                     {0, 1, 0, 0, 1, 0}}));
}

TEST(ExperimentYaml, NamesAWrongOverride) {
  EXPECT_TRUE(error_in(smallest, {"search.sede=2"})
                  .starts_with("--set search.sede=2: search.sede: unknown key, did you mean 'seed'?"))
      << error_in(smallest, {"search.sede=2"});
  EXPECT_TRUE(error_in(smallest, {"search"}).starts_with("--set search: ")) << error_in(smallest, {"search"});
}

TEST(ExperimentYaml, NamesAMissingFile) {
  EXPECT_EQ(error_of([] { search::read_experiment("nowhere/x.yaml", {}); }),
            "nowhere/x.yaml: cannot be read, is it there?");
}

TEST(ExperimentYaml, StopsReadingADeviceThatNeverEnds) {
  EXPECT_EQ(error_of([] { search::read_experiment("/dev/zero", {}); }),
            "/dev/zero: more than the 1048576 bytes allowed");
}

}  // namespace pare::test
