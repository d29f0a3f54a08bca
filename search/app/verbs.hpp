// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "search/experiment/batch_script.hpp"

namespace pare::search {

/// What the command line said; each verb uses its part.
struct Arguments {
  std::filesystem::path file;                ///< the experiment, run file, run directory, or file to inspect
  std::vector<std::filesystem::path> runs;   ///< compare
  std::vector<std::string> overrides;        ///< --set a.b=value
  std::string output;                        ///< --output
  std::string card;                          ///< check --card
  std::filesystem::path recipe;              ///< --recipe
  bool print_recipe = false;                 ///< report --recipe
  std::filesystem::path html;                ///< report --html; "-": standard output, empty: none; so the next two
  std::filesystem::path markdown;            ///< report --markdown
  std::filesystem::path csv;                 ///< report --csv
  std::string algorithms;                    ///< compare-search --algorithms, separated by commas
  std::string seeds;                         ///< compare-search --seeds, separated by commas
  std::string tokens;                        ///< compare-search --tokens
  std::string budget;                        ///< report, export --budget: bits per weight of a point of the front
  std::string format;                        ///< export --format; empty: that of the target
  std::filesystem::path base;                ///< export --template
  bool no_verify = false;                    ///< export --no-verify
  bool force = false;                        ///< export --force
  BatchJob job;                              ///< submit: what the options say
  bool dry_run = false;                      ///< submit --dry-run
  int ranks = 1;                             ///< run -n
  std::vector<std::string> mpirun;           ///< run -- ...
  double watch_seconds = 0;                  ///< status --watch; 0: once
  std::vector<std::int64_t> prefill_tokens;  ///< profile --prefill
  std::vector<std::int64_t> decode_tokens;   ///< profile --decode
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

/// The verbs of the command, one file each. They run on rank 0, print to standard output, return the exit code, and
/// throw InputError for what the user got wrong.
int check(const Arguments& arguments);
int search(const Arguments& arguments, framework::ProcessGroup& group);
int compare_search(const Arguments& arguments, framework::ProcessGroup& group);
int run(const Arguments& arguments, framework::ProcessGroup& group);
int evaluate(const Arguments& arguments, framework::ProcessGroup& group);
int report(const Arguments& arguments);
int compare(const Arguments& arguments);
int export_model(const Arguments& arguments, framework::ProcessGroup& group);
int inspect(const Arguments& arguments);
int repair_journal(const Arguments& arguments);
int export_journal(const Arguments& arguments);
int options();
int profile(const Arguments& arguments);
int status(const Arguments& arguments);
int submit(const Arguments& arguments);

}  // namespace pare::search
