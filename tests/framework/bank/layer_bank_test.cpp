// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/layer_bank.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/core/error.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/quantize/expand.hpp"
#include "tests/framework/evaluation/small_world.hpp"

namespace pare::test {
namespace {

using framework::BankPlan;
using framework::LayerBank;
using framework::Model;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<std::string> options{"w2-g32", "w3-channel", "w4-g64-sym", "w8a8", "w16"};

/// Both models: in stories260k, 172 inputs do not fill groups of 32.
std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> found{demo_model()};
  if (const auto stories = test_data("stories260k")) found.push_back(*stories / "hf");
  return found;
}

TEST(BankPlan, BytesAreTheSumOfThePackedLayouts) {
  for (const auto& directory : models()) {
    const Model model(directory);
    const auto sites = sites_with(model, options);

    const BankPlan plan(model, sites);

    std::int64_t total = 0;
    for (const BankPlan::Entry& entry : plan.entries()) {
      const auto& linear = plan.linear_of(entry);
      EXPECT_EQ(entry.offset, total);
      EXPECT_EQ(entry.bytes,
                kernels::packed_layout(plan.option_of(entry).grid, linear.outputs, linear.inputs).total_bytes);
      EXPECT_EQ(entry.bytes, framework::site_bytes(model, sites[entry.site], plan.option_of(entry)));
      total += entry.bytes;
    }
    EXPECT_EQ(plan.total_bytes(), total);
    EXPECT_EQ(plan.entries().size(), sites.size() * 4);  // w16 stays in the checkpoint
  }
}

TEST(BankPlan, KeyTellsModelsAndOptionsApart) {
  const Model model(demo_model());
  const auto key = [&](const std::vector<std::string>& names) {
    const auto sites = sites_with(model, names);
    return BankPlan(model, sites).key();
  };

  EXPECT_EQ(key({"w2-g32", "w4-g32"}), key({"w4-g32", "w2-g32"}));
  EXPECT_NE(key({"w2-g32", "w4-g32"}), key({"w2-g32", "w4-g64"}));
  EXPECT_NE(key({"w2-g32", "w4-g32"}), key({"w2-g32"}));
}

TEST(LayerBank, GivesBackWhatWasBuilt) {
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const auto sites = sites_with(model, options);
  const BankPlan plan(model, sites);

  const LayerBank bank(write_bank(scratch / "bank.h5", plan), plan);

  for (const std::size_t site : {std::size_t{0}, std::size_t{20}, sites.size() - 1}) {
    const auto built = framework::build_site(plan, site, nullptr);
    const std::int64_t begin = plan.entries()[plan.first_entry(site)].offset;
    for (std::size_t e = plan.first_entry(site); e < plan.first_entry(site) + plan.entry_count(site); ++e) {
      const auto& entry = plan.entries()[e];
      const auto body = bank.layer(site, entry.linear, entry.option).body;
      EXPECT_EQ(static_cast<std::int64_t>(body.size()), entry.bytes);
      EXPECT_TRUE(std::equal(body.begin(), body.end(), built.packed.begin() + (entry.offset - begin)))
          << plan.entry_name(entry);
    }
  }
}

TEST(LayerBank, DoesNotDependOnTheOrderOfTheSites) {
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const auto sites = sites_with(model, {"w2-g32", "w3-g32"});
  const BankPlan plan(model, sites);
  write_bank(scratch / "forward.h5", plan);
  {
    framework::BankWriter writer(scratch / "backward.h5", plan);
    for (std::size_t site = sites.size(); site-- > 0;) writer.add(site, framework::build_site(plan, site, nullptr));
    writer.commit();
  }
  const LayerBank forward(scratch / "forward.h5", plan);
  const LayerBank backward(scratch / "backward.h5", plan);

  for (std::size_t site = 0; site < sites.size(); ++site) {
    for (std::size_t option = 0; option < 2; ++option) {
      EXPECT_TRUE(std::ranges::equal(forward.layer(site, 0, option).body, backward.layer(site, 0, option).body));
      EXPECT_EQ(forward.local_error(site, option), backward.local_error(site, option));
    }
  }
}

/// Sums of up to 400,000 squares in binary64, in whatever order: equal to about 4e5 * 1.1e-16 at the very
/// worst.
TEST(LayerBank, LocalErrorEqualsADirectComputation) {
  for (const auto& directory : models()) {
    const ScratchDirectory scratch;
    const Model model(directory);
    std::vector<framework::Option> parsed;
    for (const std::string& name : options) parsed.push_back(framework::parse_option(name));
    const auto sites = framework::make_sites(model, {{"*", parsed}}, {{"q_proj", "k_proj", "v_proj"}});
    const BankPlan plan(model, sites);
    const LayerBank bank(write_bank(scratch / "bank.h5", plan), plan);

    for (const std::size_t site : {std::size_t{0}, std::size_t{1}, std::size_t{4}, sites.size() - 1}) {
      for (std::size_t option = 0; option < sites[site].options.size(); ++option) {
        double sum = 0;
        for (std::size_t l = 0; l < sites[site].linears.size() && sites[site].options[option].name() != "w16"; ++l) {
          const auto& linear = model.stages()[sites[site].stage].linears[sites[site].linears[l]];
          double error = 0;
          double weights = 0;
          kernels::Matrix<float> weight;
          model.read_weight(linear, weight);
          kernels::Matrix<float> expanded(linear.outputs, linear.inputs);
          const framework::StoredLayer layer = bank.layer(site, l, option);
          const kernels::Grid& grid = sites[site].options[option].grid;
          kernels::expand_reference({grid, layer.shape.outputs, layer.shape.inputs, layer.body}, expanded.view());
          for (std::int64_t i = 0; i < weight.size(); ++i) {
            const double difference = static_cast<double>(weight.data()[i]) - static_cast<double>(expanded.data()[i]);
            error += difference * difference;
            weights += static_cast<double>(weight.data()[i]) * static_cast<double>(weight.data()[i]);
          }
          sum += error / weights;
        }
        const double expected = sum / static_cast<double>(sites[site].linears.size());
        EXPECT_NEAR(bank.local_error(site, option), expected, 1e-10 * expected)
            << sites[site].name << sites[site].options[option].name();
      }
    }
  }
}

TEST(LayerBank, RefusesTheBankOfOtherOptions) {
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const auto sites = sites_with(model, {"w2-g32"});
  const auto others = sites_with(model, {"w2-g64"});
  const BankPlan plan(model, sites);
  const BankPlan other(model, others);
  const auto file = write_bank(scratch / "bank.h5", other);

  EXPECT_THAT(
      [&] { LayerBank(file, plan); },
      ThrowsMessage<InputError>(HasSubstr("bank.h5: is the bank of another model or of other options, remove it")));
}

TEST(LayerBank, RefusesTheBankOfAnotherModel) {
  const auto stories = test_data("stories260k");
  if (!stories) GTEST_SKIP() << "no stories260k in PARE_TEST_DATA";
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const Model other(*stories / "hf");
  const auto sites = sites_with(model, {"w2-g32"});
  const auto others = sites_with(other, {"w2-g32"});
  const BankPlan plan(model, sites);
  const BankPlan other_plan(other, others);
  const auto file = write_bank(scratch / "bank.h5", other_plan);

  EXPECT_THAT([&] { LayerBank(file, plan); },
              ThrowsMessage<InputError>(HasSubstr("bank.h5: is the bank of another model")));
}

TEST(LayerBank, RefusesAFileThatIsCutOff) {
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const auto sites = sites_with(model, {"w2-g32"});
  const BankPlan plan(model, sites);
  const auto file = write_bank(scratch / "bank.h5", plan);
  for (const auto size : {std::uintmax_t{0}, std::uintmax_t{100}, std::filesystem::file_size(file) / 2,
                          std::filesystem::file_size(file) - 1}) {
    std::filesystem::resize_file(file, size);

    EXPECT_THAT([&] { LayerBank(file, plan); }, ThrowsMessage<InputError>(HasSubstr("bank.h5"))) << size;

    write_bank(file, plan);
  }
}

TEST(BankWriter, LeavesNothingUnderTheNameBeforeItCommits) {
  const ScratchDirectory scratch;
  const Model model(demo_model());
  const auto sites = sites_with(model, {"w2-g32"});
  const BankPlan plan(model, sites);
  {
    framework::BankWriter writer(scratch / "bank.h5", plan);
    writer.add(0, framework::build_site(plan, 0, nullptr));
  }

  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

}  // namespace
}  // namespace pare::test
