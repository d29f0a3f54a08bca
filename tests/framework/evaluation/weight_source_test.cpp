// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/weight_source.hpp"

#include <gtest/gtest.h>

#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::full_precision_option;
using framework::Model;
using framework::WeightSource;
using kernels::Precision;

/// Sub-layers under {drop, keep-50%, w16}.
class Structure : public testing::Test {
 protected:
  static std::uint8_t option(const framework::Site& site, const std::string& name) {
    for (std::size_t o = 0; o < site.options.size(); ++o)
      if (site.options[o].name() == name) return static_cast<std::uint8_t>(o);
    return full_precision_option;
  }

  /// All four sites of the first attention, or of the mlp behind it, under an option.
  std::vector<std::uint8_t> all(const std::string& name) const {
    return std::vector<std::uint8_t>(4, option(world_.sites[0], name));
  }

  RandomModel files_;
  SmallWorld world_{files_.write(), {"drop", "keep-50%", "w16"}, Precision::f32};
  WeightSource source_{world_.model, world_.sites, &world_.bank, Precision::f32, 1 << 20};
};

TEST_F(Structure, GivesNoLinearsOfASubLayerThatIsDropped) {
  EXPECT_TRUE(source_.stage(1, all("drop").data()).empty());
}

TEST_F(Structure, GivesAllLinearsAfterADroppedSubLayer) {
  const std::vector<std::uint8_t> full(4, full_precision_option);
  source_.stage(1, all("drop").data());

  EXPECT_EQ(source_.stage(1, full.data()).size(), 4U);
  EXPECT_EQ(source_.stage(2, full.data()).size(), 3U);
}

TEST_F(Structure, GivesBiasesOnlyOfTheOutputsThatStay) {
  const std::uint8_t keep = option(world_.sites[0], "keep-50%");

  const auto& linears = source_.stage(1, all("keep-50%").data());

  ASSERT_EQ(linears.size(), 4U);
  EXPECT_EQ(linears[0].weights->outputs(), 32);
  EXPECT_EQ(linears[3].weights->inputs(), 32);
  EXPECT_EQ(linears[3].bias, nullptr);  // all outputs of o_proj stay
  for (std::size_t l = 0; l < 3; ++l) {
    const auto kept = world_.bank.layer(l, 0, keep).notes.kept_outputs;
    const auto all = world_.model.read_bias(world_.model.stages()[1].linears[l]);
    ASSERT_NE(linears[l].bias, nullptr);
    ASSERT_EQ(linears[l].bias->size(), kept.size());
    for (std::size_t k = 0; k < kept.size(); ++k)
      EXPECT_EQ((*linears[l].bias)[k], all[static_cast<std::size_t>(kept[k])]);
  }
}

TEST_F(Structure, GivesTheModelsOwnBiasesWhereAllOutputsStay) {
  for (const auto& linear : source_.stage(1, all("w16").data())) EXPECT_EQ(linear.bias, nullptr);
}

TEST_F(Structure, GivesTheSameWithoutACache) {
  WeightSource forgetful(world_.model, world_.sites, &world_.bank, Precision::f32, 0);
  framework::StageRunner runner(world_.model, SmallWorld::length);
  const auto run = [&](WeightSource& source) {
    kernels::Matrix<float> hidden(3 * SmallWorld::length, RandomModel::hidden);
    runner.embed(world_.text.search.tokens, hidden.view());
    for (std::size_t stage = 1; stage <= 4; ++stage)
      runner.run(stage, source.stage(stage, all("keep-50%").data()), SmallWorld::length, hidden.view());
    return hidden;
  };

  const auto first = run(source_), again = run(source_), plain = run(forgetful);

  EXPECT_TRUE(same_bits(first.view(), again.view()));
  EXPECT_TRUE(same_bits(first.view(), plain.view()));
}

/// What remains is the embedding and the head.
TEST_F(Structure, LetsAModelWithoutSubLayersBeEvaluated) {
  framework::OptionIndices nothing;
  for (const auto& site : world_.sites) nothing.push_back(option(site, "drop"));

  const auto result =
      world_.evaluator(Precision::f32).evaluate({&nothing, 1}, world_.text.search, 0, 3, world_.teacher, 0);

  for (const double kl : result.scores[0].kl) EXPECT_GT(kl, 0.01);
}

}  // namespace
}  // namespace pare::test
