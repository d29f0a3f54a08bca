// SPDX-License-Identifier: Apache-2.0
#include "framework/model/stage_range.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pare::test {
namespace {

using framework::ModelConfig;
using framework::StageRange;
using testing::Each;
using testing::ElementsAre;

/// Of Llama 3 8B, whose head multiplies as much as 2.4 layers.
ModelConfig llama(std::int64_t layers) {
  ModelConfig model;
  model.vocabulary = 128256;
  model.hidden = 4096;
  model.intermediate = 14336;
  model.layers = layers;
  model.heads = 32;
  model.kv_heads = 8;
  model.head_dim = 128;
  return model;
}

/// How many layers each part has; that they make up the whole chain is checked on the way.
std::vector<std::int64_t> layers_of_parts(const ModelConfig& model, int parts) {
  const auto stages = static_cast<std::size_t>(2 * model.layers + 2);
  std::vector<std::int64_t> layers;
  std::size_t next = 0;
  for (int part = 0; part < parts; ++part) {
    const StageRange range = framework::part_of_chain(model, parts, part);
    EXPECT_EQ(range.begin, next);
    EXPECT_EQ(range.has_head(stages), part + 1 == parts);
    next = range.end;
    const std::size_t first = std::max<std::size_t>(range.begin, 1), end = std::min(range.end, stages - 1);
    EXPECT_EQ((end - first) % 2, 0U) << "whole layers";
    layers.push_back(static_cast<std::int64_t>(end - first) / 2);
  }
  return layers;
}

TEST(PartsOfAChain, LeaveRoomForTheHeadInTheLastPart) {
  EXPECT_THAT(layers_of_parts(llama(32), 1), ElementsAre(32));
  EXPECT_THAT(layers_of_parts(llama(32), 2), ElementsAre(17, 15));
  EXPECT_THAT(layers_of_parts(llama(32), 4), ElementsAre(8, 9, 9, 6));
  EXPECT_THAT(layers_of_parts(llama(3), 2), ElementsAre(2, 1));
}

TEST(PartsOfAChain, HaveALayerEach) {
  EXPECT_THAT(layers_of_parts(llama(5), 5), Each(1));
}

TEST(PartsOfAChain, AreEqualWhereTheHeadIsSmall) {
  ModelConfig model = llama(12);
  model.vocabulary = 100;
  EXPECT_THAT(layers_of_parts(model, 4), Each(3));
}

}  // namespace
}  // namespace pare::test
