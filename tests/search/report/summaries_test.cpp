// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "search/report/markdown_report.hpp"
#include "search/report/trials_csv.hpp"
#include "tests/search/store/small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(MarkdownReport, HasTheVerdictAsATable) {
  const std::string text = markdown_report(small_run());

  EXPECT_THAT(text, StartsWith("## pare: a model\n\nBudget 2,250 bytes (3.000 bits a weight), 4 held-out windows of 64 "
                               "tokens, minimized: mean KL.\n\nKL is 0.500 times that of uniform w3-g32"));
  EXPECT_THAT(text, HasSubstr("| **pare** | 2,250 | 3.000 | 0.25000 ± 0.051031 | 4.1250 | winner |\n"));
  EXPECT_THAT(text, HasSubstr("| uniform w4-g32 | 3,000 | 4.000 | 0.12500 ± 0.025516 | 4.0000 | over the budget |\n"));
  EXPECT_THAT(text, HasSubstr("\n      0  w4-g32     w3-g32  3.33\n"));
}

TEST(MarkdownReport, LetsNoTextBecomeMarkup) {
  RunRecord record = small_run();
  record.provenance.emplace_back("model", "a|b<i>");
  record.yaml = "# ```\n# ````\n";

  const std::string text = markdown_report(record);

  EXPECT_THAT(text, StartsWith("## pare: a\\|b\\<i\\>\n"));
  EXPECT_THAT(text, HasSubstr("`````\n# ```\n# ````\n`````\n"));
}

TEST(MarkdownReport, SaysWhenThereIsNoVerdict) {
  RunRecord record = small_run();
  record.verdict.reset();

  EXPECT_THAT(markdown_report(record), HasSubstr("No verdict yet: 3 trials of 'pare' are committed."));
}

TEST(TrialsCsv, HasOneLineATrial) {
  RunRecord record = small_run();
  record.trials[1].seconds = std::numeric_limits<double>::quiet_NaN();
  record.trials[2].failure = "crashed, \"twice\"";

  const std::string text = trials_csv(record);

  EXPECT_EQ(text,
            "trial,seconds,set,begin,windows,bytes,bits_per_weight,kl_mean,kl_stderr,nll_mean,failure,"
            "model.layers.0.self_attn.q_proj,model.layers.0.mlp.down_proj,model.layers.1.self_attn.q_proj,"
            "model.layers.1.mlp.down_proj\n"
            "0,2.5,search,0,2,2250,3,0.375,0.125,1.375,,w3-g32,w3-g32,w3-g32,w3-g32\n"
            "1,,search,0,4,2250,3,0.40625,0.13858473641302158,1.4375,,w4-g32,w3-g32,w2-g32,w3-g32\n"
            "2,7.5,holdout,1,1,2250,3,0.375,0,1.75,\"crashed, \"\"twice\"\"\",w4-g32,w3-g32,w2-g32,w3-g32\n");
}

}  // namespace
}  // namespace pare::test
