// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/core/error.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::make_sites;
using framework::Model;
using framework::OptionRule;
using framework::Site;
using framework::Ties;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

OptionRule rule(const std::string& match, const std::vector<std::string>& names) {
  OptionRule made{match, {}};
  for (const std::string& name : names) made.options.push_back(framework::parse_option(name));
  return made;
}

class Sites : public testing::Test {
 protected:
  std::vector<std::string> names_of_layer_0(const std::vector<OptionRule>& rules, const Ties& ties = {}) const {
    std::vector<std::string> names;
    for (const Site& site : make_sites(model_, rules, ties))
      if (site.layer == 0) names.push_back(site.name.substr(std::string("model.layers.0.").size()));
    return names;
  }
  std::string error_of(const std::vector<OptionRule>& rules, const Ties& ties = {}) const {
    try {
      make_sites(model_, rules, ties);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }
  /// Bytes of the first site of a stage under its only option.
  std::int64_t bytes(const std::string& option, std::size_t stage = 1) const {
    const auto sites = make_sites(model_, {rule("*", {option})}, {});
    const auto site = std::find_if(sites.begin(), sites.end(), [&](const Site& s) { return s.stage == stage; });
    return framework::site_bytes(model_, *site, site->options.at(0));
  }
  /// Of all sites of a stage.
  std::int64_t stage_bytes(const std::string& option, std::size_t stage) const {
    std::int64_t sum = 0;
    for (const Site& site : make_sites(model_, {rule("*", {option})}, {}))
      if (site.stage == stage) sum += framework::site_bytes(model_, site, site.options.at(0));
    return sum;
  }

  RandomModel files_;
  Model model_{files_.write()};
};

TEST_F(Sites, AreTheLinearsInTheOrderOfTheChain) {
  const auto sites = make_sites(model_, {rule("*", {"w4-g32"})}, {});

  ASSERT_EQ(sites.size(), 14U);
  EXPECT_THAT(names_of_layer_0({rule("*", {"w4-g32"})}),
              ElementsAre("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                          "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"));
  EXPECT_EQ(sites[13].kind, "down_proj");
  EXPECT_EQ(sites[13].layer, 1);
  EXPECT_EQ(sites[13].stage, 4U);
  EXPECT_THAT(sites[13].linears, ElementsAre(2));
}

TEST_F(Sites, AreTiedAsTheUserSays) {
  EXPECT_THAT(names_of_layer_0({rule("*", {"w4-g32"})}, {{"q_proj", "v_proj"}, {"down_proj", "gate_proj"}}),
              ElementsAre("self_attn.{q_proj,v_proj}", "self_attn.k_proj", "self_attn.o_proj",
                          "mlp.{gate_proj,down_proj}", "mlp.up_proj"));
}

TEST_F(Sites, AreTiedWhereAnOptionScalesTheirInput) {
  for (const char* option : {"w4-g32-awq", "w8a8-smooth"}) {
    EXPECT_THAT(names_of_layer_0({rule("*", {"w4-g32", option})}),
                ElementsAre("self_attn.{q_proj,k_proj,v_proj}", "self_attn.o_proj", "mlp.{gate_proj,up_proj}",
                            "mlp.down_proj"));
  }
}

TEST_F(Sites, AreTiedOnlyInTheSubLayersWhoseOptionsAskForIt) {
  EXPECT_THAT(names_of_layer_0({rule("re:.*mlp", {"w4-g32-awq"}), rule("*", {"w4-g32"})}),
              ElementsAre("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                          "mlp.{gate_proj,up_proj}", "mlp.down_proj"));
}

TEST_F(Sites, KeepTheirOwnBitsWhereAnOptionTakesStructureAway) {
  for (const char* option : {"drop", "keep-50%+w4-g32"}) {
    const auto sites = make_sites(model_, {rule("*", {"w4-g32", option})}, {});
    ASSERT_EQ(sites.size(), 14U);
    for (const Site& site : sites) EXPECT_EQ(site.options.size(), 2U);
  }
}

TEST_F(Sites, OfferAStructureTogetherOrNotAtAll) {
  const std::vector<OptionRule> rules{rule("down_proj", {"w4-g32", "keep-67%+q4_k"}),
                                      rule("*", {"w4-g32", "keep-67%+w4-g32"})};
  const Site gate = make_sites(model_, rules, {})[4];

  ASSERT_EQ(gate.options.size(), 1U);
  EXPECT_EQ(gate.options[0].name(), "w4-g32");
  EXPECT_THAT(gate.left_out, ElementsAre("keep-67%+w4-g32: model.layers.0.mlp.down_proj can hold none of its options "
                                         "that do the same to the sub-layer"));
}

TEST_F(Sites, JoinTheUsersTiesWithTheirOwn) {
  EXPECT_THAT(names_of_layer_0({rule("*", {"w4-g32-awq"})}, {{"v_proj", "o_proj"}}),
              ElementsAre("self_attn.{q_proj,k_proj,v_proj,o_proj}", "mlp.{gate_proj,up_proj}", "mlp.down_proj"));
}

TEST_F(Sites, TakeTheFirstRuleThatMatches) {
  const auto sites = make_sites(model_,
                                {rule("model.layers.1.mlp.up_proj", {"w2-g32"}), rule("up_proj", {"w3-g32"}),
                                 rule("re:model\\.layers\\.0\\.", {"w4-g32"}), rule("*", {"w5-g32"})},
                                {});
  const auto option_of = [&](const std::string& name) {
    const auto site = std::find_if(sites.begin(), sites.end(), [&](const Site& s) { return s.name == name; });
    return site->options.at(0).name();
  };

  EXPECT_EQ(option_of("model.layers.1.mlp.up_proj"), "w2-g32");
  EXPECT_EQ(option_of("model.layers.0.mlp.up_proj"), "w3-g32");
  EXPECT_EQ(option_of("model.layers.0.mlp.gate_proj"), "w4-g32");
  EXPECT_EQ(option_of("model.layers.1.mlp.gate_proj"), "w5-g32");
}

TEST_F(Sites, ExplainRulesThatAreWrong) {
  const OptionRule all = rule("*", {"w4-g32"});

  EXPECT_THAT(error_of({rule("q_proj", {"w4-g32"})}),
              HasSubstr("no rule matches model.layers.0.self_attn.k_proj, end the list with a rule 'match: \"*\"'"));
  EXPECT_THAT(error_of({rule("q_porj", {"w4-g32"}), all}),
              HasSubstr("rule 'match: q_porj' matches no layer that an earlier rule left, did you mean 'q_proj'?"));
  EXPECT_THAT(error_of({all, rule("q_proj", {"w3-g32"})}), HasSubstr("rule 'match: q_proj' matches no layer"));
  EXPECT_THAT(error_of({rule("re:(", {"w4-g32"}), all}), HasSubstr("match 're:(' is not a regular expression"));
}

TEST_F(Sites, ExplainTiesThatAreWrong) {
  const OptionRule all = rule("*", {"w4-g32"});

  EXPECT_THAT(error_of({all}, {{"q_proj", "k_porj"}}),
              HasSubstr("no layer is called 'k_porj', did you mean 'k_proj'?"));
  EXPECT_THAT(error_of({all}, {{"q_proj", "k_proj"}, {"v_proj", "q_proj"}}), HasSubstr("'q_proj' is tied twice"));
  EXPECT_THAT(error_of({all}, {{"q_proj", "up_proj"}}), HasSubstr("are not in one sub-layer"));
  EXPECT_THAT(error_of({rule("q_proj", {"w3-g32"}), all}, {{"q_proj", "k_proj"}}),
              HasSubstr("self_attn.k_proj is tied to model.layers.0.self_attn.q_proj but falls under another rule"));
  EXPECT_THAT(error_of({rule("up_proj", {"w3-g32-awq"}), all}), HasSubstr("falls under another rule"));
  EXPECT_EQ(
      error_of({rule("o_proj", {"drop", "w4-g32"}), all}),
      "options: 'drop' at model.layers.0.self_attn.o_proj decides whether its whole sub-layer shrinks or goes, but "
      "the rule for model.layers.0.self_attn.q_proj has no option of that kind, add one");
  EXPECT_THAT(
      error_of({rule("o_proj", {"drop"}), rule("*", {"drop", "w4-g32"})}),
      HasSubstr("'w4-g32' at model.layers.0.self_attn.q_proj decides whether its whole sub-layer stays as large "
                "as it is, but the rule for model.layers.0.self_attn.o_proj has no option of that kind"));
  EXPECT_EQ(error_of({rule("o_proj", {"drop", "w8-g32"}), rule("*", {"drop", "w4-g32"})}), "accepted");
}

TEST_F(Sites, LeaveOutOptionsThatTheirShapesCannotHold) {
  const auto sites = make_sites(model_, {rule("*", {"q4_k", "w4-g32", "3:5-magnitude"})}, {});

  for (const Site& site : sites) {
    ASSERT_EQ(site.options.size(), 1U);
    EXPECT_EQ(site.options[0].name(), "w4-g32");
    EXPECT_THAT(site.left_out, ElementsAre(testing::StartsWith("q4_k: "), testing::StartsWith("3:5-magnitude: ")));
  }
  EXPECT_THAT(make_sites(model_, {rule("*", {"w4-g32"})}, {})[0].left_out, IsEmpty());
  EXPECT_THAT(error_of({rule("*", {"q4_k"})}),
              HasSubstr("model.layers.0.self_attn.q_proj can hold none of its options; q4_k: "));
}

TEST_F(Sites, LeaveOutSharesThatTakeNoHeadAway) {
  const auto sites = make_sites(model_, {rule("*", {"keep-90%", "w16"})}, {});

  EXPECT_THAT(sites[0].left_out,
              ElementsAre("keep-90%: keep-90% of 2 KV head groups takes none away, use at most keep-74%"));
  EXPECT_EQ(sites[4].left_out.size(), 1U);  // 90% of three steps of 32 channels
}

TEST_F(Sites, SortTheirOptionsByBytes) {
  const auto sites =
      make_sites(model_, {rule("*", {"w16", "w8-g32", "q8_0", "drop", "keep-50%", "w2-g32", "2:4-magnitude"})}, {});

  for (const Site& site : sites) {
    std::vector<std::int64_t> bytes;
    for (const auto& option : site.options) bytes.push_back(framework::site_bytes(model_, site, option));
    EXPECT_TRUE(std::is_sorted(bytes.begin(), bytes.end()));
    EXPECT_EQ(site.options.front().name(), "drop");
    EXPECT_EQ(site.options.back().name(), "w16");
  }
}

/// By hand: q_proj is 64 x 64; the sub-layer has 64 + 32 + 32 + 64 rows of 64.
TEST_F(Sites, CountBytesOfEveryStorageExactly) {
  EXPECT_EQ(bytes("w16"), 64 * 64 * 4);  // the checkpoint is binary32
  EXPECT_EQ(bytes("w4-g32"), 64 * (2 * 2 + 1 + 32));
  EXPECT_EQ(bytes("w4-g32-sym"), 64 * (2 * 2 + 32));
  EXPECT_EQ(bytes("w3-channel-gptq"), 64 * (2 + 1 + 24));
  EXPECT_EQ(bytes("w8a8"), 64 * (2 + 64));
  EXPECT_EQ(bytes("w8a8-static"), bytes("w8a8"));  // notes are not counted
  EXPECT_EQ(bytes("q8_0"), 64 * 2 * 34);
  EXPECT_EQ(bytes("q4_0-imatrix"), 64 * 2 * 18);
  EXPECT_EQ(bytes("2:4-magnitude"), 64 * (32 / 4 + 32 * 2));  // places of 2 bits, bfloat16 values
  EXPECT_EQ(bytes("50%-wanda"), 64 * (64 / 8 + 32 * 2));      // one bit a place
  EXPECT_EQ(bytes("50%-wanda+w4-g32"), 64 * (2 * 2 + 1 + 64 / 8 + 16));
  EXPECT_EQ(bytes("2:4-magnitude-dense"), 64 * 64 * 2);
  EXPECT_EQ(bytes("2:4-magnitude-dense+w4-g32"), bytes("w4-g32"));
  EXPECT_EQ(bytes("w4-g32-awq"), (64 + 32 + 32) * (2 * 2 + 1 + 32));
  EXPECT_EQ(stage_bytes("drop", 1), 0);
  EXPECT_EQ(stage_bytes("keep-50%", 1), (32 * 64 + 16 * 64 + 16 * 64 + 64 * 32) * 2);
  EXPECT_EQ(stage_bytes("keep-50%", 2), 3 * 64 * 64 * 2);  // 1.5 steps of 32 channels: the even neighbour
  EXPECT_EQ(stage_bytes("keep-33%", 2), 3 * 64 * 32 * 2);
}

TEST_F(Sites, CountWeightsAndBytesOfTheCheckpoint) {
  const auto sites = make_sites(model_, {rule("*", {"w16"})}, {{"q_proj", "k_proj", "v_proj", "o_proj"}});

  EXPECT_EQ(framework::site_weights(model_, sites[0]), (64 + 32 + 32 + 64) * 64);
  EXPECT_EQ(framework::site_original_bytes(model_, sites[0]), (64 + 32 + 32 + 64) * 64 * 4);
}

}  // namespace
}  // namespace pare::test
