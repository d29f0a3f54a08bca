// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "kernels/core/error.hpp"
#include "scratch_directory.hpp"
#include "search/store/schema.hpp"
#include "small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::HasSubstr;
using testing::StartsWith;

class RunFileTest : public testing::Test {
 protected:
  std::string error_of_reading() const {
    try {
      read_run_file(path);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  ScratchDirectory directory;
  std::filesystem::path path = directory / "run.h5";
};

void expect_equal(const Trial& a, const Trial& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.request.recipe, b.request.recipe);
  EXPECT_EQ(a.request.set, b.request.set);
  EXPECT_EQ(a.request.begin, b.request.begin);
  EXPECT_EQ(a.request.count, b.request.count);
  EXPECT_EQ(a.kl, b.kl);
  EXPECT_EQ(a.nll, b.nll);
  EXPECT_EQ(a.seconds, b.seconds);
}

void expect_equal(const Contestant& a, const Contestant& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.recipe, b.recipe);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.bits_per_weight, b.bits_per_weight);
  EXPECT_EQ(a.fits, b.fits);
  EXPECT_EQ(a.window_kl, b.window_kl);
  EXPECT_EQ(a.window_nll, b.window_nll);
  EXPECT_EQ(a.kl.mean, b.kl.mean);
  EXPECT_EQ(a.kl.stderr_of_mean, b.kl.stderr_of_mean);
  EXPECT_EQ(a.perplexity, b.perplexity);
}

void expect_equal(const SearchSpace& a, const SearchSpace& b) {
  ASSERT_EQ(a.sites.size(), b.sites.size());
  for (std::size_t s = 0; s < a.sites.size(); ++s) {
    EXPECT_EQ(a.sites[s].name, b.sites[s].name);
    EXPECT_EQ(a.sites[s].kind, b.sites[s].kind);
    EXPECT_EQ(a.sites[s].layer, b.sites[s].layer);
    EXPECT_EQ(a.sites[s].stage, b.sites[s].stage);
    EXPECT_EQ(a.sites[s].weights, b.sites[s].weights);
    EXPECT_EQ(a.sites[s].original_bytes, b.sites[s].original_bytes);
    ASSERT_EQ(a.sites[s].options.size(), b.sites[s].options.size());
    for (std::size_t o = 0; o < a.sites[s].options.size(); ++o) {
      EXPECT_EQ(a.sites[s].options[o].name, b.sites[s].options[o].name);
      EXPECT_EQ(a.sites[s].options[o].bytes, b.sites[s].options[o].bytes);
      EXPECT_EQ(a.sites[s].options[o].local_error, b.sites[s].options[o].local_error);
    }
  }
}

TEST_F(RunFileTest, GivesBackTheWholeRecord) {
  RunRecord record = small_run();
  record.seed = 0xffff'ffff'ffff'fff0;
  record.provenance.emplace_back("empty", "");
  record.objective = two_domains();
  record.verdict->reference_window_nll = {1, 2, 3, 4};

  write_run_file(path, record);
  const RunRecord found = read_run_file(path);

  EXPECT_EQ(found.yaml, record.yaml);
  EXPECT_EQ(found.provenance, record.provenance);
  EXPECT_EQ(found.algorithm, record.algorithm);
  EXPECT_EQ(found.seed, record.seed);
  EXPECT_EQ(found.window_length, record.window_length);
  EXPECT_EQ(found.search_windows, record.search_windows);
  EXPECT_EQ(found.holdout_windows, record.holdout_windows);
  EXPECT_EQ(found.calibration_windows, record.calibration_windows);
  EXPECT_EQ(found.objective, record.objective);
  EXPECT_EQ(found.verdict->reference_window_nll, record.verdict->reference_window_nll);
  EXPECT_EQ(found.space.left_out, record.space.left_out);
  expect_equal(found.space, record.space);
  ASSERT_EQ(found.trials.size(), record.trials.size());
  for (std::size_t t = 0; t < found.trials.size(); ++t) expect_equal(found.trials[t], record.trials[t]);
  ASSERT_TRUE(found.verdict);
  EXPECT_EQ(found.verdict->winner, record.verdict->winner);
  EXPECT_EQ(found.verdict->budget_bytes, record.verdict->budget_bytes);
  EXPECT_EQ(found.verdict->reference_bytes, record.verdict->reference_bytes);
  EXPECT_EQ(found.verdict->reference_perplexity, record.verdict->reference_perplexity);
  EXPECT_EQ(found.verdict->spent.tokens, record.verdict->spent.tokens);
  EXPECT_EQ(found.verdict->spent.search_tokens, record.verdict->spent.search_tokens);
  EXPECT_EQ(found.verdict->spent.evaluations, record.verdict->spent.evaluations);
  EXPECT_EQ(found.verdict->spent.seconds, record.verdict->spent.seconds);
  EXPECT_EQ(found.verdict->spent.stages, record.verdict->spent.stages);
  EXPECT_EQ(found.verdict->spent.stage_runs, record.verdict->spent.stage_runs);
  EXPECT_EQ(found.verdict->spent.stage_runs_saved, record.verdict->spent.stage_runs_saved);
  EXPECT_EQ(found.verdict->ended_by, record.verdict->ended_by);
  EXPECT_EQ(found.verdict->figures, record.verdict->figures);
  EXPECT_EQ(found.crew, record.crew);
  EXPECT_EQ(found.verdict->trials, record.verdict->trials);
  EXPECT_EQ(found.verdict->digest, record.verdict->digest);
  ASSERT_EQ(found.verdict->contestants.size(), record.verdict->contestants.size());
  for (std::size_t c = 0; c < found.verdict->contestants.size(); ++c)
    expect_equal(found.verdict->contestants[c], record.verdict->contestants[c]);
}

TEST_F(RunFileTest, KeepsWhyATrialFailed) {
  RunRecord record = small_run();
  Trial& failed = record.trials.front();
  failed.failure = "signal 11 on node7";
  std::ranges::fill(failed.kl, std::numeric_limits<double>::infinity());

  write_run_file(path, record);
  const RunRecord found = read_run_file(path);

  EXPECT_EQ(found.trials.front().failure, failed.failure);
  EXPECT_EQ(found.trials.front().kl, failed.kl);
  EXPECT_FALSE(found.trials.back().failed());
}

TEST_F(RunFileTest, HoldsTheAnswersToItems) {
  RunRecord record = small_run();
  record.objective.metric = Metric::accuracy;
  record.trials[1].wrong = {0, 1, 1, 0};
  record.trials[0].wrong = {1, 0};
  record.trials[2].wrong = {1};
  for (Contestant& each : record.verdict->contestants) each.window_wrong = {0, 0, 1, 1};
  record.verdict->reference_window_wrong = {0, 0, 0, 1};

  write_run_file(path, record);
  const RunRecord found = read_run_file(path);

  EXPECT_EQ(found.objective.metric, Metric::accuracy);
  EXPECT_EQ(found.trials[0].wrong, record.trials[0].wrong);
  EXPECT_EQ(found.trials[1].wrong, record.trials[1].wrong);
  EXPECT_EQ(found.verdict->contestants[0].window_wrong, record.verdict->contestants[0].window_wrong);
  EXPECT_EQ(found.verdict->reference_window_wrong, record.verdict->reference_window_wrong);
}

TEST_F(RunFileTest, HoldsARunThatHasOnlyBegun) {
  RunRecord record = small_run();
  record.trials.clear();
  record.verdict.reset();

  write_run_file(path, record);
  const RunRecord found = read_run_file(path);

  EXPECT_TRUE(found.trials.empty());
  EXPECT_FALSE(found.verdict);
  expect_equal(found.space, record.space);
}

TEST_F(RunFileTest, IsTheSameBytesForTheSameRun) {
  const std::filesystem::path again = directory / "again.h5";

  write_run_file(path, small_run());
  write_run_file(again, small_run());

  EXPECT_EQ(read_bytes(path), read_bytes(again));
}

TEST_F(RunFileTest, ReplacesAnOlderFileAndLeavesNothingElse) {
  RunRecord record = small_run();
  write_run_file(path, record);
  record.algorithm = "greedy";

  write_run_file(path, record);

  EXPECT_EQ(read_run_file(path).algorithm, "greedy");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST_F(RunFileTest, RefusesAFileCutAnywhere) {
  write_run_file(path, small_run());
  const std::vector<std::byte> whole = read_bytes(path);

  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 50) {
    write_bytes(path, std::span(whole).first(size));
    EXPECT_THAT(error_of_reading(), StartsWith(path.string() + ": ")) << "cut at " << size;
  }
}

TEST_F(RunFileTest, RefusesWhatIsNotARunFile) {
  write_bytes(path, std::as_bytes(std::span("no run file")));
  EXPECT_THAT(error_of_reading(), StartsWith(path.string() + ": "));
  std::filesystem::remove(path);
  EXPECT_THAT(error_of_reading(), HasSubstr("no such file"));
}

TEST_F(RunFileTest, RefusesAYamlThatIsTooLong) {
  RunRecord record = small_run();
  record.yaml = std::string(schema::longest_text + 1, ' ');

  EXPECT_THROW(write_run_file(path, record), InputError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

/// The tests below change or read a run file with h5py, as users do.
class RunFileWithPythonTest : public RunFileTest {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import h5py, numpy' 2>/dev/null") != 0)
      GTEST_SKIP() << "needs /usr/bin/python3 with h5py";
    write_run_file(path, small_run());
  }

  /// Runs a script with the open file as `run`.
  int python(const std::string& script, const std::string& mode) const {
    const std::filesystem::path file = directory / "script.py";
    const std::string text =
        "import h5py, numpy\nwith h5py.File('" + path.string() + "', '" + mode + "') as run:\n" + script;
    write_bytes(file, std::as_bytes(std::span(text)));
    return std::system(("/usr/bin/python3 " + file.string()).c_str());
  }
};

TEST_F(RunFileWithPythonTest, IsReadByH5py) {
  EXPECT_EQ(python(R"(
  assert run.attrs['format'] == b'pare-run' or run.attrs['format'] == 'pare-run'
  assert run.attrs['version'] == 1
  assert run['experiment'].attrs['seed'] == 7
  assert list(run['sites/kind'].asstr()) == ['q_proj', 'down_proj'] * 2
  assert list(run['sites/weights']) == [1000, 2000] * 2
  assert list(run['options/site']) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
  assert run['options/name'].asstr()[1] == 'w3-g32'
  assert run['trials/recipe'].dtype == numpy.uint8
  assert run['trials/recipe'][1].tolist() == [2, 1, 0, 1]
  assert run['trials/kl_mean'][1] == 0.40625
  assert numpy.isnan(run['trials/window_kl'][0, 2:]).all()
  assert run['trials/window_kl'][1].tolist() == [0.25, 0.125, 0.5, 0.75]
  assert run['verdict'].attrs['winner'] == 2
  assert run['verdict/contestants/window_nll'].shape == (3, 4)
  missing = []
  def described(name, item):
    if isinstance(item, h5py.Dataset) and not ('units' in item.attrs and item.attrs['description']):
      missing.append(name)
  run.visititems(described)
  assert not missing, missing
)",
                   "r"),
            0);
}

TEST_F(RunFileWithPythonTest, SaysWhenTheVersionIsAnother) {
  ASSERT_EQ(python("  run.attrs.modify('version', numpy.int64(2))\n", "r+"), 0);

  EXPECT_EQ(error_of_reading(), path.string() + ": run file version 2, this pare reads version 1");
}

TEST_F(RunFileWithPythonTest, NoticesAChangedValue) {
  ASSERT_EQ(python("  run['trials/window_kl'][1, 2] = 0.125\n", "r+"), 0);

  EXPECT_EQ(error_of_reading(), path.string() + ": /trials is damaged: its values do not match its digest");
}

TEST_F(RunFileWithPythonTest, NoticesARecipeThatDoesNotFit) {
  ASSERT_EQ(python("  run['trials/recipe'][0, 0] = 3\n", "r+"), 0);

  EXPECT_EQ(error_of_reading(), path.string() + ": /trials is damaged: a recipe does not fit /sites and /options");
}

TEST_F(RunFileWithPythonTest, NoticesAMissingOrShortColumn) {
  ASSERT_EQ(python("  del run['trials/begin']\n  run['trials/begin'] = numpy.arange(2)\n", "r+"), 0);
  EXPECT_EQ(error_of_reading(), path.string() + ": /trials/begin is damaged: 2 rows beside columns of 3");
  ASSERT_EQ(python("  del run['trials/begin']\n", "r+"), 0);
  EXPECT_THAT(error_of_reading(), HasSubstr("/trials/begin"));
}

TEST_F(RunFileWithPythonTest, NoticesAColumnOfSeveralValuesARow) {
  ASSERT_EQ(python("  del run['trials/begin']\n  run['trials/begin'] = numpy.zeros((3, 0), numpy.int64)\n", "r+"), 0);
  EXPECT_EQ(error_of_reading(), path.string() + ": /trials/begin is damaged: it has 2 dimensions, not 1");
}

TEST_F(RunFileWithPythonTest, NoticesWindowsThatAreNotThere) {
  ASSERT_EQ(python("  run['trials/begin'][0] = 7\n", "r+"), 0);
  EXPECT_EQ(error_of_reading(), path.string() + ": /trials is damaged in row 0");
  ASSERT_EQ(python("  run['experiment'].attrs.modify('search_windows', numpy.int64(0))\n", "r+"), 0);
  EXPECT_EQ(error_of_reading(), path.string() + ": is damaged: 0 search windows");
}

TEST_F(RunFileWithPythonTest, NoticesAWinnerThatIsNotThere) {
  ASSERT_EQ(python("  run['verdict'].attrs.modify('winner', numpy.int64(3))\n", "r+"), 0);

  EXPECT_EQ(error_of_reading(), path.string() + ": /verdict is damaged: the winner is contestant 3 of 3");
}

}  // namespace
}  // namespace pare::test
