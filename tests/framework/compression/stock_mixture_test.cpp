// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/stock_mixture.hpp"

#include <gmock/gmock.h>

namespace pare::test {
namespace {

using framework::Linear;
using framework::ModelConfig;
using testing::ElementsAre;

/// Llama 3.1 8B.
ModelConfig llama_8b() {
  ModelConfig config;
  config.model_type = "llama";
  config.layers = 32;
  config.heads = 32;
  config.kv_heads = 8;
  return config;
}

/// The format with an importance matrix, of inputs that every block divides.
std::string format_of(const std::string& mixture, const ModelConfig& config, const std::string& kind, int layer) {
  return framework::mixture_options(mixture, config, Linear{"", kind, layer, 4096, 4096}).front();
}

std::vector<int> layers_with(const std::string& format, const std::string& mixture, const ModelConfig& config,
                             const std::string& kind) {
  std::vector<int> layers;
  for (int layer = 0; layer < config.layers; ++layer)
    if (format_of(mixture, config, kind, layer) == format + "-imatrix") layers.push_back(layer);
  return layers;
}

TEST(StockMixture, Q4KMGivesValuesAndDownMoreBitsAtBothEndsAndInEveryThirdBlock) {
  for (const char* kind : {"v_proj", "down_proj"}) {
    EXPECT_THAT(layers_with("q6_k", "Q4_K_M", llama_8b(), kind),
                ElementsAre(0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31));
    EXPECT_EQ(layers_with("q4_k", "Q4_K_M", llama_8b(), kind).size(), 16U);
  }
  for (const char* kind : {"q_proj", "k_proj", "o_proj", "gate_proj", "up_proj"})
    EXPECT_EQ(layers_with("q4_k", "Q4_K_M", llama_8b(), kind).size(), 32U);
}

TEST(StockMixture, Q3KMGivesTheFirstBlocksMost) {
  EXPECT_THAT(layers_with("q5_k", "Q3_K_M", llama_8b(), "v_proj"), ElementsAre(0, 1));
  EXPECT_EQ(layers_with("q4_k", "Q3_K_M", llama_8b(), "v_proj").size(), 30U);
  EXPECT_THAT(layers_with("q5_k", "Q3_K_M", llama_8b(), "down_proj"), ElementsAre(0, 1));
  EXPECT_EQ(format_of("Q3_K_M", llama_8b(), "o_proj", 5), "q4_k-imatrix");
  EXPECT_EQ(format_of("Q3_K_M", llama_8b(), "up_proj", 5), "q3_k-imatrix");
}

TEST(StockMixture, Q2KGoesByTheNumberOfHeadsThatShareValues) {
  ModelConfig two = llama_8b();
  two.kv_heads = 16;

  EXPECT_EQ(format_of("Q2_K", llama_8b(), "v_proj", 9), "q4_k-imatrix");
  EXPECT_EQ(format_of("Q2_K", two, "v_proj", 9), "q3_k-imatrix");
  EXPECT_EQ(format_of("Q2_K", two, "down_proj", 9), "q3_k-imatrix");
  EXPECT_EQ(format_of("Q2_K", two, "q_proj", 9), "q2_k-imatrix");
}

TEST(StockMixture, SmallMixturesRaiseTheFirstBlocksAlone) {
  EXPECT_THAT(layers_with("q5_k", "Q4_K_S", llama_8b(), "v_proj"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(layers_with("q5_k", "Q4_K_S", llama_8b(), "down_proj"), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(layers_with("q5_k", "Q5_K_S", llama_8b(), "v_proj").size(), 32U);
}

TEST(StockMixture, ModelsOf70BGetFiveBitsForValues) {
  ModelConfig large = llama_8b();
  large.layers = 80;
  large.heads = 64;

  EXPECT_EQ(format_of("Q3_K_S", large, "v_proj", 9), "q5_k-imatrix");
  large.kv_heads = 64;
  EXPECT_EQ(format_of("Q3_K_S", large, "v_proj", 9), "q3_k-imatrix");
}

TEST(StockMixture, ShapesThatABlockCannotHoldGetWhatLlamaQuantizeGivesThem) {
  const auto options = [](const std::string& mixture, const std::string& kind, std::int64_t inputs) {
    return framework::mixture_options(mixture, llama_8b(), Linear{"", kind, 0, 64, inputs});
  };

  EXPECT_THAT(options("Q4_K_M", "q_proj", 160), ElementsAre("q5_0-imatrix", "q5_0"));
  EXPECT_THAT(options("Q4_K_M", "v_proj", 160), ElementsAre("q8_0-imatrix", "q8_0"));
  EXPECT_THAT(options("Q5_K_S", "q_proj", 160), ElementsAre("q5_1-imatrix", "q5_1"));
  EXPECT_THAT(options("Q2_K", "q_proj", 160), ElementsAre("q4_0-imatrix", "q4_0", "iq4_nl-imatrix", "iq4_nl"));
  EXPECT_THAT(options("Q2_K", "q_proj", 172), ElementsAre("w16"));
}

}  // namespace
}  // namespace pare::test
