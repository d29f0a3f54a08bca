// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/batch_script.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

#include "kernels/core/error.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

BatchJob small_job() {
  BatchJob job;
  job.command = "/opt/pare/bin/pare";
  job.experiment = "/home/ada/llama.yaml";
  job.directory = "/home/ada";
  job.output = "/scratch/runs/llama";
  job.nodes = 4;
  job.tasks_per_node = 2;
  return job;
}

/// What the scripts would hand to the search, told by bash itself: of each everything before the common part is run, then
/// the words are printed, one a line.
std::string words_of(const std::vector<std::string>& scripts) {
  const fs::path file = fs::temp_directory_path() / ("pare-batch-" + std::to_string(::getpid()) + ".sh");
  std::ofstream out(file);
  for (const std::string& script : scripts) {
    out << script.substr(0, script.find("# ---- What follows"))
        << "printf '%s\\n' \"$pare\" \"$experiment\" \"$directory\" \"${arguments[@]}\"\n";
  }
  out.close();
  std::FILE* bash = ::popen(("SLURM_ARRAY_TASK_ID=1 bash " + file.string()).c_str(), "r");
  std::string text;
  for (int c = std::fgetc(bash); c != EOF; c = std::fgetc(bash)) text += static_cast<char>(c);
  EXPECT_EQ(::pclose(bash), 0);
  fs::remove(file);
  return text;
}

std::string message_of(const BatchJob& job) {
  try {
    batch_script(job);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(BatchScript, AsksForWhatTheOptionsSay) {
  BatchJob job = small_job();
  job.cpus_per_task = 8;
  job.gpus_per_node = 2;
  job.time = "2-12:30:00";
  job.partition = "gpu,long";
  job.account = "proj_17";

  const std::string script = batch_script(job);

  for (const char* line :
       {"#SBATCH --job-name=pare-llama\n", "#SBATCH --nodes=4\n", "#SBATCH --ntasks-per-node=2\n",
        "#SBATCH --cpus-per-task=8\n", "#SBATCH --gpus-per-node=2\n", "#SBATCH --time=2-12:30:00\n",
        "#SBATCH --partition=gpu,long\n", "#SBATCH --account=proj_17\n",
        "#SBATCH --output='/scratch/runs/llama/slurm-%j.out'\n", "--requeue --signal=B:USR2@240\n"}) {
    EXPECT_THAT(script, HasSubstr(line));
  }
  EXPECT_THAT(script, Not(HasSubstr("--exclusive")));
}

TEST(BatchScript, TakesWholeNodesWithoutCoresATask) {
  const std::string script = batch_script(small_job());

  EXPECT_THAT(script, HasSubstr("#SBATCH --exclusive\n"));
  EXPECT_THAT(script, Not(HasSubstr("#SBATCH --cpus-per-task")));
}

TEST(BatchScript, GivesEachBudgetOfAnArrayItsOwnDirectory) {
  BatchJob job = small_job();
  job.budgets = {"2.5", "3", "3.5"};

  const std::string script = batch_script(job);

  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-2\n"));
  EXPECT_THAT(script, HasSubstr("/scratch/runs/llama-slurm-%A_%a.out"));
  EXPECT_THAT(words_of({script}), HasSubstr("--set\nbudget.bits_per_weight=3\n--output\n/scratch/runs/llama-3\n"));
}

TEST(BatchScript, KeepsOverridesLiterally) {
  BatchJob job = small_job();
  job.overrides = {"search.seed=2", "options=[w2-g32, 'w4-g32']"};

  EXPECT_EQ(words_of({batch_script(job)}),
            "/opt/pare/bin/pare\n/home/ada/llama.yaml\n/home/ada\n--set\nsearch.seed=2\n--set\n"
            "options=[w2-g32, 'w4-g32']\n--output\n/scratch/runs/llama\n");
}

TEST(BatchScript, NamesTheOptionThatIsWrong) {
  BatchJob job = small_job();
  job.time = "tomorrow";
  EXPECT_EQ(message_of(job),
            "--time: 'tomorrow' is not a time of SLURM: minutes, hours:minutes:seconds, or days-hours:minutes:seconds");

  job = small_job();
  job.account = "a\n#SBATCH --uid=0";
  EXPECT_EQ(message_of(job), "--account: 'a\\x0a#SBATCH --uid=0' holds a line break or another control character");

  job = small_job();
  job.output = "/scratch/$(id)";
  EXPECT_THAT(message_of(job), HasSubstr("output: '/scratch/$(id)' is not a path that may stand in an #SBATCH line"));

  job = small_job();
  job.nodes = 0;
  EXPECT_EQ(message_of(job), "--nodes: 0 is not between 1 and 100000");
}

/// Texts that would run a command, end a word, or add a line, if they were not taken literally; the command would
/// create `canary`.
std::vector<std::string> hostile_values(const fs::path& canary) {
  const std::string touch = "touch " + canary.string();
  std::vector<std::string> values{std::string("a\0b", 3),
                                  std::string(65536, 'x'),
                                  "\xff\xfe",
                                  "",
                                  "-",
                                  "--wrap=id",
                                  "%j",
                                  "\u2028",
                                  "\u202e",
                                  "a\tb",
                                  "a\rb",
                                  "a\x1b[2J",
                                  "a\x7f",
                                  "~root",
                                  "*",
                                  "[a]",
                                  "{a,b}"};
  const std::vector<std::string> commands{
      "$(" + touch + ")",       "`" + touch + "`", "${x:-$(" + touch + ")}", "<(" + touch + ")", touch,
      "$((0+$(" + touch + ")))"};
  const std::vector<std::string> breaks{"",   "'",     "\"",     "\\", "\\'",        "';",   "\";",
                                        ";",  "&&",    "|",      "\n", "\n#SBATCH ", "\r\n", "') ",
                                        ") ", "'\\''", "$'\\n'", "#",  "&",          "=",    ","};
  for (const std::string& command : commands)
    for (const std::string& before : breaks)
      for (const std::string& after : {std::string(), std::string("'"), std::string("\n"), std::string(" #")})
        values.push_back(before + command + after);
  std::mt19937 random(7);
  const std::string alphabet = "'\"\\`$(){};&|<>#\n\r\t !*?~=aA0/";
  for (int i = 0; i < 100; ++i) {
    std::string value;
    while (value.size() < 12) value += alphabet[random() % alphabet.size()];
    values.push_back(value);
  }
  return values;
}

TEST(BatchScript, TakesHostileValuesLiterallyOrNotAtAll) {
  const fs::path canary = fs::temp_directory_path() / ("pare-canary-" + std::to_string(::getpid()));
  const std::vector<std::string> values = hostile_values(canary);
  const std::vector<std::function<void(BatchJob&, const std::string&)>> fields{
      [](BatchJob& job, const std::string& x) { job.time = x; },
      [](BatchJob& job, const std::string& x) { job.partition = x; },
      [](BatchJob& job, const std::string& x) { job.account = x; },
      [](BatchJob& job, const std::string& x) { job.output = "/scratch/" + x; },
      [](BatchJob& job, const std::string& x) {
        job.budgets = {"3", x};
      },
      [](BatchJob& job, const std::string& x) { job.experiment = "/" + x + ".yaml"; },
      [](BatchJob& job, const std::string& x) { job.directory = "/" + x; },
      [](BatchJob& job, const std::string& x) { job.overrides = {"output=" + x}; }};
  constexpr std::size_t literal_fields = 3;  // the last ones are words of bash
  int taken = 0;
  std::vector<std::string> scripts;
  std::string expected;
  for (const std::string& value : values) {
    BatchJob words = small_job();
    for (std::size_t f = 0; f < fields.size(); ++f) {
      BatchJob job = small_job();
      fields[f](job, value);
      if (message_of(job) != "no error") continue;
      ++taken;
      const std::string script = batch_script(job);
      // Nothing but options in the head, and no character that bash or sbatch takes for more than itself.
      std::istringstream lines(script);
      std::string line;
      while (std::getline(lines, line) && !line.empty()) {
        EXPECT_TRUE(line == "#!/bin/bash" || line.starts_with("#SBATCH --")) << line;
        EXPECT_EQ(line.find_first_of("$`\\\"();&|<>*"), std::string::npos) << line;
      }
      if (f + literal_fields >= fields.size()) fields[f](words, value);
    }
    scripts.push_back(batch_script(words));
    expected += words.command.string() + "\n" + words.experiment.string() + "\n" + words.directory.string() + "\n" +
                (words.overrides.empty() ? "" : "--set\n" + words.overrides[0] + "\n") +
                "--output\n/scratch/runs/llama\n";
  }
  EXPECT_EQ(words_of(scripts), expected);
  EXPECT_GT(values.size(), 500U);
  EXPECT_GT(taken, 500);
  EXPECT_FALSE(fs::exists(canary));
}

TEST(BatchScript, IsCleanToShellcheck) {
  if (std::system("command -v shellcheck >/dev/null") != 0) GTEST_SKIP() << "shellcheck is not installed";
  BatchJob job = small_job();
  job.budgets = {"2.5", "3"};
  job.overrides = {"a='b'"};
  std::FILE* shellcheck = ::popen("shellcheck -", "w");

  std::fputs(batch_script(job).c_str(), shellcheck);

  EXPECT_EQ(::pclose(shellcheck), 0);
}

/// From the marker line on.
std::string common_part(const std::string& script) {
  const std::size_t marker = script.find("# ---- What follows");
  return marker == std::string::npos ? "no marker" : script.substr(marker);
}

TEST(BatchScript, EqualsTheBatchFilesOfTheRepositoryInItsCommonPart) {
  const std::string expected = common_part(batch_script(small_job()));
  for (const char* name : {"cpu.sbatch", "gpu.sbatch", "budgets.sbatch"}) {
    std::ifstream in(fs::path(std::getenv("PARE_SOURCE_DIR")) / "scripts/slurm" / name);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_EQ(common_part(text.str()), expected) << name;
  }
}

}  // namespace
}  // namespace pare::search
