// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/layer_storage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/core/error.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::LayerNotes;
using framework::LayerShape;
using framework::Model;
using framework::parse_option;
using framework::Stage;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::size_t attention = 1, mlp = 2;

class LayerStorage : public testing::Test {
 protected:
  const Stage& stage(std::size_t index) const { return model_.stages()[index]; }
  std::int64_t note_bytes(const std::string& name, std::size_t at, std::size_t linear) const {
    const auto option = parse_option(name);
    return framework::stored_bytes(option, model_, stage(at), linear) -
           framework::body_bytes(option, framework::stored_shape(option, model_, stage(at), linear));
  }
  std::pair<std::int64_t, std::int64_t> shape(const std::string& name, std::size_t at, std::size_t linear) const {
    const LayerShape found = framework::stored_shape(parse_option(name), model_, stage(at), linear);
    return {found.outputs, found.inputs};
  }

  RandomModel files_;
  Model model_{files_.write()};
};

TEST_F(LayerStorage, GivesBackNotesAndBody) {
  struct Case {
    const char* option;
    std::size_t stage;
    std::size_t linear;
    std::size_t divisors;
    float scale;
    std::size_t kept;
  };
  for (const Case& c :
       {Case{"w4-g32", attention, 0, 0, 0.0f, 0}, Case{"w4-g32-awq", mlp, 2, 96, 0.0f, 0},
        Case{"w8a8-smooth", attention, 1, 64, 0.0f, 0}, Case{"w8a8-static", mlp, 0, 0, 0.25f, 0},
        Case{"w8a8-smooth-static-minmax", mlp, 2, 96, 0.5f, 0}, Case{"keep-50%+w4-g32", attention, 0, 0, 0.0f, 32},
        Case{"keep-50%+w4-g32", attention, 3, 0, 0.0f, 0}, Case{"keep-34%+w8a8-static-mse", mlp, 1, 0, 2.0f, 32}}) {
    const auto option = parse_option(c.option);
    LayerNotes notes{.divisors = std::vector<float>(c.divisors), .static_scale = c.scale, .kept_outputs = {}};
    std::iota(notes.divisors.begin(), notes.divisors.end(), 1.0f);
    for (std::size_t k = 0; k < c.kept; ++k) notes.kept_outputs.push_back(static_cast<std::int32_t>(k));
    std::vector<std::byte> stored(
        static_cast<std::size_t>(framework::stored_bytes(option, model_, stage(c.stage), c.linear)));

    const auto body = framework::write_notes(notes, stored);
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::byte>(i % 251);
    const auto layer = framework::open_layer(option, model_, stage(c.stage), c.linear, stored);

    EXPECT_EQ(layer.notes.divisors, notes.divisors) << c.option;
    EXPECT_EQ(layer.notes.static_scale, notes.static_scale) << c.option;
    EXPECT_EQ(layer.notes.kept_outputs, notes.kept_outputs) << c.option;
    EXPECT_EQ(static_cast<std::int64_t>(layer.body.size()), framework::body_bytes(option, layer.shape)) << c.option;
    EXPECT_TRUE(std::ranges::equal(layer.body, body)) << c.option;
  }
}

TEST_F(LayerStorage, CountsOnlyTheNotesThatAreNeeded) {
  EXPECT_EQ(note_bytes("w4-g32", attention, 0), 0);
  EXPECT_EQ(note_bytes("w4-g32-awq", attention, 0), 64 * 4);
  EXPECT_EQ(note_bytes("w8a8-smooth-static", mlp, 2), 96 * 4 + 4);
  EXPECT_EQ(note_bytes("keep-50%", attention, 1), 16 * 4);
  EXPECT_EQ(note_bytes("keep-50%", attention, 3), 0);  // all outputs of o_proj stay
  EXPECT_EQ(note_bytes("drop", attention, 0), 0);
}

TEST_F(LayerStorage, TakesGroupsOfHeadsAndChannelsFromTheRightSide) {
  using Pair = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(shape("keep-50%", attention, 0), (Pair{32, 64}));  // one KV head and its two query heads of 16
  EXPECT_EQ(shape("keep-50%", attention, 1), (Pair{16, 64}));
  EXPECT_EQ(shape("keep-50%", attention, 2), (Pair{16, 64}));
  EXPECT_EQ(shape("keep-50%", attention, 3), (Pair{64, 32}));
  EXPECT_EQ(shape("keep-67%", mlp, 0), (Pair{64, 64}));
  EXPECT_EQ(shape("keep-67%", mlp, 1), (Pair{64, 64}));
  EXPECT_EQ(shape("keep-67%", mlp, 2), (Pair{64, 64}));
  EXPECT_EQ(shape("keep-1%", mlp, 2), (Pair{64, 32}));  // one step at least
  EXPECT_EQ(shape("drop", mlp, 2), (Pair{64, 96}));
  EXPECT_EQ(shape("w4-g32", mlp, 2), (Pair{64, 96}));
}

TEST_F(LayerStorage, RefusesAShareThatTakesNothingAway) {
  EXPECT_THAT([&] { framework::kept_units(parse_option("keep-99%"), model_, stage(attention)); },
              ThrowsMessage<InputError>(HasSubstr("keep-99% of 2 KV head groups takes none away")));
  EXPECT_THAT([&] { framework::kept_units(parse_option("keep-99%"), model_, stage(mlp)); },
              ThrowsMessage<InputError>(HasSubstr("keep-99% of 96 channels takes none away")));
}

TEST_F(LayerStorage, RefusesAnotherNumberOfBytes) {
  const auto option = parse_option("w8a8-smooth");
  const auto bytes = static_cast<std::size_t>(framework::stored_bytes(option, model_, stage(mlp), 2));
  for (const std::size_t wrong : {std::size_t{0}, bytes - 1, bytes + 1}) {
    const std::vector<std::byte> stored(wrong);

    EXPECT_THAT([&] { framework::open_layer(option, model_, stage(mlp), 2, stored); },
                ThrowsMessage<InputError>(HasSubstr("model.layers.0.mlp.down_proj under w8a8-smooth has " +
                                                    std::to_string(wrong) + " bytes in the bank, it must have " +
                                                    std::to_string(bytes))));
  }
}

TEST_F(LayerStorage, RefusesRowsThatDoNotExist) {
  const auto option = parse_option("keep-50%");
  for (const std::int32_t row : {-1, 64}) {
    std::vector<std::byte> stored(
        static_cast<std::size_t>(framework::stored_bytes(option, model_, stage(attention), 0)));
    framework::write_notes({.divisors = {}, .static_scale = 0, .kept_outputs = std::vector<std::int32_t>(32, row)},
                           stored);

    EXPECT_THAT([&] { framework::open_layer(option, model_, stage(attention), 0, stored); },
                ThrowsMessage<InputError>(
                    HasSubstr("self_attn.q_proj under keep-50%: row " + std::to_string(row) + " does not exist")));
  }
}

}  // namespace
}  // namespace pare::test
