// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/core/dtype.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/test_data.hpp"
#include "tests/framework/model/tiny_model.hpp"

namespace pare::test {
namespace {

using framework::Linear;
using framework::Model;
using framework::StageKind;

constexpr const char* q_proj = "model.layers.0.self_attn.q_proj";

/// The error of the constructor without the name of the tensor file, which it must start with.
std::string error(const TinyModel& model) {
  const std::string text = error_of([&] { Model(model.write()); });
  const std::string file = model.tensor_file() + ": ";
  EXPECT_TRUE(text.starts_with(file)) << text;
  return text.substr(std::min(text.size(), file.size()));
}

void set_value(TensorBytes& tensor, std::size_t index, float value) {
  std::memcpy(tensor.bytes.data() + 4 * index, &value, 4);
}

TEST(Model, IsAChainOfStages) {
  const TinyModel files;
  const Model model(files.write());

  ASSERT_EQ(model.stages().size(), 4u);
  EXPECT_EQ(model.stages()[0].kind, StageKind::embedding);
  EXPECT_EQ(model.stages()[1].kind, StageKind::attention);
  EXPECT_EQ(model.stages()[2].kind, StageKind::mlp);
  EXPECT_EQ(model.stages()[3].kind, StageKind::head);
  ASSERT_EQ(model.stages()[1].linears.size(), 4u);
  const Linear& k = model.stages()[1].linears[1];
  EXPECT_EQ(k.name, "model.layers.0.self_attn.k_proj");
  EXPECT_EQ(k.kind, "k_proj");
  EXPECT_EQ(k.outputs, 2);
  EXPECT_EQ(k.inputs, 4);
  EXPECT_EQ(model.stages()[2].linears[2].kind, "down_proj");
  EXPECT_TRUE(model.read_bias(k).empty());
  EXPECT_TRUE(model.q_norm(0).empty());
}

TEST(Model, ReadsWeightsOfEveryType) {
  TinyModel files;
  for (const char* dtype : {"F16", "BF16"}) {
    TensorBytes& tensor = files.tensors[std::string(q_proj) + ".weight"];
    tensor.dtype = dtype;
    tensor.bytes.resize(32);
    for (std::size_t i = 0; i < 16; ++i) {
      const auto value = static_cast<float>(i);
      const std::uint16_t bits =
          tensor.dtype == "F16" ? kernels::to_float16(value).bits : kernels::to_bfloat16(value).bits;
      std::memcpy(tensor.bytes.data() + 2 * i, &bits, 2);
    }
    const Model model(files.write());
    const Linear& linear = model.stages()[1].linears[0];

    kernels::Matrix<float> weight;
    model.read_weight(linear, weight);

    ASSERT_EQ(weight.rows(), 4);
    ASSERT_EQ(weight.cols(), 4);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(weight.data()[i], static_cast<float>(i));
    EXPECT_EQ(model.stored_bytes(linear), 32);
  }
}

TEST(Model, ReadsBiasesAndNormsOfQAndK) {
  TinyModel files;
  files.config["model_type"] = "qwen3";
  files.config["head_dim"] = 2;
  files.config["attention_bias"] = true;
  for (const char* part : {"q_norm.weight", "k_norm.weight", "k_proj.bias", "v_proj.bias"}) {
    files.add(std::string("model.layers.0.self_attn.") + part, {2});
  }
  files.add("model.layers.0.self_attn.q_proj.bias", {4});
  files.add("model.layers.0.self_attn.o_proj.bias", {4});

  const Model model(files.write());

  EXPECT_EQ(model.k_norm(0), (std::vector<float>{0, 1}));
  EXPECT_EQ(model.read_bias(model.stages()[1].linears[3]), (std::vector<float>{0, 1, 2, 3}));
}

TEST(Model, UsesTheEmbeddingAsHeadWhenTied) {
  TinyModel files;
  files.config["tie_word_embeddings"] = true;
  set_value(files.tensors["model.embed_tokens.weight"], 5, 0.5f);
  kernels::Matrix<float> head;

  Model(files.write()).read_head(head);
  EXPECT_EQ(head.data()[5], 0.5f);

  files.tensors.erase("lm_head.weight");
  files.config.erase("tie_word_embeddings");
  const Model untold(files.write());
  untold.read_head(head);
  EXPECT_EQ(head.data()[5], 0.5f);
  EXPECT_TRUE(untold.config().tied_embeddings);
}

TEST(Model, ShardsAreTheSameModel) {
  const auto path = test_data("stories260k/hf");
  PARE_SKIP_WITHOUT(path);
  const Model single(path);
  const Model sharded(test_data("stories260k/hf-sharded"));

  EXPECT_EQ(sharded.hash(), single.hash());
  EXPECT_EQ(single.hash().size(), 32u);
  EXPECT_EQ(single.total_bytes(), 1'040'128);
  kernels::Matrix<float> a;
  kernels::Matrix<float> b;
  for (const auto& stage : single.stages()) {
    for (const Linear& linear : stage.linears) {
      single.read_weight(linear, a);
      sharded.read_weight(linear, b);
      ASSERT_EQ(std::memcmp(a.data(), b.data(), 4u * static_cast<std::size_t>(a.size())), 0) << linear.name;
    }
  }
}

TEST(Model, HashesWeightsAndConfiguration) {
  TinyModel files;
  const std::string hash = Model(files.write()).hash();
  EXPECT_EQ(Model(files.write()).hash(), hash);

  set_value(files.tensors["model.norm.weight"], 0, 2.0f);
  const std::string other_weight = Model(files.write()).hash();
  EXPECT_NE(other_weight, hash);
  files.config["rms_norm_eps"] = 1e-3;
  EXPECT_NE(Model(files.write()).hash(), other_weight);
}

TEST(Model, RefusesWeightsThatAreNotFinite) {
  TinyModel files;
  TensorBytes& tensor = files.tensors["model.layers.0.mlp.up_proj.weight"];
  set_value(tensor, 23, std::numeric_limits<float>::infinity());
  EXPECT_EQ(error(files),
            "tensor 'model.layers.0.mlp.up_proj.weight': the weight at index 23 is inf, should be finite");
  set_value(tensor, 7, std::nanf(""));
  EXPECT_EQ(error(files), "tensor 'model.layers.0.mlp.up_proj.weight': the weight at index 7 is nan, should be finite");
}

TEST(Model, RefusesWeightsFarInsideALargeTensorThatAreNotFinite) {
  TinyModel files;
  files.config["vocab_size"] = 50'000;
  files.add("model.embed_tokens.weight", {50'000, 4});
  files.add("lm_head.weight", {50'000, 4});
  set_value(files.tensors["lm_head.weight"], 150'001, -std::numeric_limits<float>::infinity());

  EXPECT_EQ(error(files), "tensor 'lm_head.weight': the weight at index 150001 is -inf, should be finite");
}

TEST(Model, RefusesAMissingTensor) {
  TinyModel files;
  files.tensors.erase("model.layers.0.mlp.up_proj.weight");
  EXPECT_EQ(error(files), "tensor 'model.layers.0.mlp.up_proj.weight' is missing, config.json makes it [6, 4] (llama)");
}

TEST(Model, RefusesAnotherShape) {
  TinyModel files;
  files.add(std::string(q_proj) + ".weight", {2, 8});
  EXPECT_EQ(error(files),
            "tensor 'model.layers.0.self_attn.q_proj.weight': shape [2, 8], config.json makes it [4, 4] (llama)");
}

TEST(Model, RefusesTypesThatAreNoWeights) {
  TinyModel files;
  files.tensors["model.norm.weight"].dtype = "I32";
  EXPECT_EQ(error(files), "tensor 'model.norm.weight': dtype I32 is not supported (supported: F32, F16, BF16)");
}

TEST(Model, RefusesTensorsThatItWouldNotUse) {
  TinyModel files;
  files.add("model.layers.0.self_attn.rotary_emb.inv_freq", {1});
  EXPECT_NO_THROW(Model(files.write()));

  files.add(std::string(q_proj) + ".bias", {4});
  EXPECT_EQ(error(files),
            "tensor 'model.layers.0.self_attn.q_proj.bias' does not belong to a llama model with 1 layers as "
            "config.json "
            "describes it");
}

}  // namespace
}  // namespace pare::test
