// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/philox.hpp"

namespace pare::test {
namespace {

using namespace pare::search;

TEST(Protocol, CarriesALease) {
  const Evaluate lease{.set = WindowSet::holdout, .begin = 3, .count = 2, .recipes = {{0, 1, 2}, {5, 4, 3}}};

  const NumberedTask task = decode_task(encode(NumberedTask{17, lease}));

  EXPECT_EQ(task.number, 17u);
  const auto& received = std::get<Evaluate>(task.task);
  EXPECT_EQ(received.set, WindowSet::holdout);
  EXPECT_EQ(received.begin, 3);
  EXPECT_EQ(received.count, 2);
  EXPECT_EQ(received.recipes, lease.recipes);
}

TEST(Protocol, CarriesEveryOutcome) {
  const std::vector<Outcome> outcomes{GeneratedText{{1, 2, 3}},
                                      Ready{},
                                      SiteBuilt{{{std::byte{7}}, {{0.5, 2.0}}}},
                                      Taught{{{1}, {-0.5f}, {1.5}}},
                                      Evaluated{{0.25}, {2.0}, 10, 14},
                                      Failed{true, "disk full"}};

  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Reply reply = decode_reply(encode(Reply{i, 0.5, outcomes[i]}));
    EXPECT_EQ(reply.number, i);
    EXPECT_EQ(reply.outcome.index(), outcomes[i].index());
  }
  const Reply evaluated = decode_reply(encode(Reply{0, 0.5, outcomes[4]}));
  EXPECT_THAT(std::get<Evaluated>(evaluated.outcome).kl, testing::ElementsAre(0.25));
  EXPECT_EQ(std::get<Evaluated>(evaluated.outcome).stage_runs_separate, 14);
}

TEST(Protocol, RefusesEveryTruncation) {
  const auto bytes = encode(NumberedTask{1, Evaluate{WindowSet::search, 0, 1, {{0, 1}, {1, 0}}}});

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode_task(std::span(bytes).first(size)), std::runtime_error) << size;
  }
}

TEST(Protocol, RefusesTrailingBytesAndOtherVersions) {
  auto bytes = encode(NumberedTask{1, BuildSite{3}});
  bytes.push_back(std::byte{0});
  EXPECT_THROW(decode_task(bytes), std::runtime_error);

  bytes.pop_back();
  bytes[0] = std::byte{99};
  EXPECT_THROW(decode_task(bytes), std::runtime_error);
}

TEST(Protocol, SurvivesRandomDamage) {
  const auto good =
      encode(Reply{1, 0.5, Taught{{std::vector<std::uint32_t>(40, 7), std::vector<float>(40, -1.f), {2.0}}}});

  for (std::uint64_t round = 0; round < 20000; ++round) {
    auto bytes = good;
    const auto random = kernels::philox4x32({static_cast<std::uint32_t>(round), 0, 0, 0}, {1, 2});
    bytes[random[0] % bytes.size()] ^= static_cast<std::byte>(1u << (random[1] % 8));
    bytes.resize(bytes.size() - (random[2] % 3 == 0 ? random[3] % bytes.size() : 0));
    try {
      decode_reply(bytes);
    } catch (const std::runtime_error&) {
    }
  }
}

}  // namespace
}  // namespace pare::test
