// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>

#include "framework/comm/exit_code.hpp"
#include "framework/comm/process_group.hpp"
#include "framework/provenance/provenance.hpp"
#include "search/app/verbs.hpp"
#include "search/coordination/drain.hpp"
#include "search/experiment/crew.hpp"
#include "search/experiment/failure.hpp"

namespace {

using namespace pare;
using search::Arguments;

/// Runs a verb on rank 0 and serves it on the other ranks. Every exception of the program ends here, as one line.
int run_on_ranks(framework::ProcessGroup& group, const std::function<int()>& verb) {
  int exit_code = framework::exit_code::internal;
  try {
    if (group.rank() != 0) {
      search::handle_signals_of_worker();
      return search::serve_as_remote_worker(group);
    }
    search::handle_signals_of_coordinator();
    return verb();
  } catch (...) {
    const search::Failure failure = search::explain_current_exception();
    fmt::print(stderr, "pare: {}\n", failure.text);
    exit_code = failure.exit_code;
  }
  // The other ranks wait for rank 0's word; rank 0 would wait for ever for a rank that failed before it could answer.
  if (group.rank() != 0) group.abort(exit_code);
  search::dismiss_remote_workers(group);
  return exit_code;
}

void add_file(CLI::App* verb, const char* name, Arguments& arguments, const char* help) {
  verb->add_option(name, arguments.file, help)->required();
}

void add_overrides(CLI::App* verb, Arguments& arguments, const char* help) {
  verb->add_option("--set", arguments.overrides, help)->type_name("KEY=VALUE")->allow_extra_args(false);
}

void add_experiment_file(CLI::App* verb, Arguments& arguments) {
  add_file(verb, "experiment", arguments, "YAML file, see configs/");
  add_overrides(verb, arguments, "Override a key, e.g. --set budget.bits_per_weight=2.5");
}

void add_experiment(CLI::App* verb, Arguments& arguments) {
  add_experiment_file(verb, arguments);
  verb->add_option("--output", arguments.output, "Override output, the directory of the run")->type_name("DIR");
}

void add_verbosity(CLI::App* verb, Arguments& arguments) {
  CLI::Option* const quiet = verb->add_flag("-q,--quiet", arguments.quiet, "The verdict and warnings, no progress");
  verb->add_flag("-v,--verbose", arguments.verbose, "A line for every trial and every batch of them, too")
      ->excludes(quiet);
}

CLI::App* add_submit(CLI::App& app, Arguments& arguments) {
  CLI::App* submit = app.add_subcommand("submit", "Check an experiment, print its SLURM batch script and queue it");
  add_experiment(submit, arguments);
  search::BatchJob& job = arguments.job;
  submit->add_option("--nodes", job.nodes, "Nodes")->required();
  submit->add_option("--tasks-per-node", job.tasks_per_node, "Ranks a node; default: 1, or one a GPU")
      ->check(CLI::Range(1, 1024));
  submit->add_option("--cpus-per-task", job.cpus_per_task, "Cores a rank; default: whole nodes");
  submit->add_option("--gpus-per-node", job.gpus_per_node, "GPUs a node");
  submit->add_option("--time", job.time, "Time limit, e.g. 30 (minutes), 12:00:00 or 2-0 (days-hours)");
  submit->add_option("--partition", job.partition, "Partition");
  submit->add_option("--account", job.account, "Account");
  submit->add_option("--array-budgets", job.budgets, "Bits a weight: a run each, e.g. 2.5,3,3.5; in OUTPUT-BITS")
      ->delimiter(',');
  submit->add_flag("--dry-run", arguments.dry_run, "Print the script, queue nothing");
  return submit;
}

CLI::App* add_report(CLI::App& app, Arguments& arguments) {
  CLI::App* report = app.add_subcommand("report", "Tell the verdict of a run, or show the table of a comparison");
  add_file(report, "run", arguments, "run.h5, compare.h5, or the directory of the run");
  CLI::Option* as_json = report->add_flag("--json", arguments.json, "As JSON");
  CLI::Option* as_recipe =
      report->add_flag("--recipe", arguments.print_recipe, "The winner's recipe as YAML, for `pare evaluate --recipe`")
          ->excludes(as_json);
  report
      ->add_option("--budget", arguments.budget,
                   "Of several budgets the one with so many bits a weight, as the table says")
      ->type_name("BITS")
      ->needs(as_recipe);
  const auto add_output = [&](const char* name, std::filesystem::path& file, const char* help) {
    report->add_option(name, file, help)->type_name("FILE")->excludes(as_json)->excludes(as_recipe);
  };
  add_output("--html", arguments.html, "Write a page for people: figures and tables, in one file; -: standard output");
  add_output("--markdown", arguments.markdown, "Write a summary for a pull request or a wiki; -: standard output");
  add_output("--csv", arguments.csv, "Write one line a trial; -: standard output");
  return report;
}

CLI::App* add_export(CLI::App& app, Arguments& arguments) {
  CLI::App* verb =
      app.add_subcommand("export", "Write what a run found as a model that other tools load, and verify it");
  add_file(verb, "run", arguments, "The directory of a run, also while it goes on, or its run.h5");
  verb->add_option(
      "--format", arguments.format,
      "compressed-tensors (vLLM, SGLang, transformers), gguf or llama-quantize (llama.cpp), dense, recipe, "
      "llm-compressor or modelopt (hf_quant_config.json); default: that of the experiment's target");
  verb->add_option("--template", arguments.base,
                   "gguf: your own F16, BF16 or F32 GGUF of the model, whose tensors are re-typed; default: from the "
                   "checkpoint")
      ->type_name("FILE");
  verb->add_option("--output", arguments.output, "Directory, or file for gguf and recipes; made whole or not at all")
      ->required()
      ->type_name("PATH");
  verb->add_option(
      "--recipe", arguments.recipe,
      "best (the default: the winner, or the best so far), a contestant by its name in the report, a YAML file, "
      "or one option for every site");
  verb->add_option("--budget", arguments.budget, "Of several budgets the winner of the one with so many bits a weight")
      ->type_name("BITS");
  add_overrides(verb, arguments, "Override a key of the run's experiment, e.g. --set model.path=DIR");
  verb->add_flag("--no-verify", arguments.no_verify, "Do not read the files back");
  verb->add_flag("--force", arguments.force, "Replace an output that pare did not write");
  verb->add_flag("-q,--quiet", arguments.quiet, "No progress");
  return verb;
}

CLI::App* add_profile(CLI::App& app, Arguments& arguments) {
  CLI::App* verb =
      app.add_subcommand("profile", "Time every layer of an experiment under its options, for budgets in seconds");
  add_experiment_file(verb, arguments);
  verb->add_option("--output", arguments.output, "The table, for latency.table: HDF5, or text when it ends in .csv")
      ->required()
      ->type_name("FILE");
  const auto add_tokens = [&](const char* name, std::vector<std::int64_t>& tokens, const char* help) {
    verb->add_option(name, tokens, help)
        ->delimiter(',')
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
        ->type_name("N,M");
  };
  add_tokens("--prefill", arguments.prefill_tokens, "Tokens of prompts, default 512,2048 and latency.prefill_tokens");
  add_tokens("--decode", arguments.decode_tokens, "Sequences that decode together, default 1,2,4,8,16");
  verb->add_flag("-q,--quiet", arguments.quiet, "No progress");
  return verb;
}

}  // namespace

int main(int argc, char** argv) {
  framework::ProcessGroup group(argc, argv, search::serve_in_child);
  Arguments arguments;

  CLI::App app("pare: how far can each layer of a trained network be pared down within a budget, at the least loss?");
  app.set_version_flag("--version", framework::version());
  app.require_subcommand(1);

  CLI::App* check =
      app.add_subcommand("check", "Explain an experiment without running it: sites, options, bytes, tokens, memory");
  add_experiment(check, arguments);

  check->add_option("--card", arguments.card, "Show how the memory of such a GPU would be spent: A100, H100, L40S, ...")
      ->type_name("NAME");

  CLI::App* search = app.add_subcommand("search", "Run an experiment, or continue it; under mpirun on all ranks");
  add_experiment(search, arguments);
  search->add_flag("--json", arguments.json, "Print the verdict as JSON");
  add_verbosity(search, arguments);

  CLI::App* compare = app.add_subcommand(
      "compare-search", "Run search algorithms side by side at equal tokens, or continue; under mpirun on all ranks");
  add_experiment(compare, arguments);
  compare->add_option("--algorithms", arguments.algorithms, "Override compare.algorithms, e.g. pare,evopress")
      ->type_name("A,B");
  compare->add_option("--seeds", arguments.seeds, "Override compare.seeds, e.g. 1,2,3")->type_name("N,M");
  compare->add_option("--tokens", arguments.tokens, "Override compare.tokens")->type_name("N");
  compare->add_flag("--json", arguments.json, "Print the comparison as JSON");
  compare->add_flag("-q,--quiet", arguments.quiet, "No progress");

  CLI::App* run = app.add_subcommand("run", "Search to the end: starts mpirun, and starts again what fails");
  add_experiment(run, arguments);
  run->add_option("-n,--ranks", arguments.ranks, "Ranks")->envname("SLURM_NTASKS")->check(CLI::Range(1, 1 << 20));
  run->add_option("mpirun", arguments.mpirun, "After --: further arguments of mpirun");
  run->add_flag("--json", arguments.json, "Print the verdict as JSON");
  add_verbosity(run, arguments);

  CLI::App* evaluate = app.add_subcommand("evaluate", "Measure one recipe on the held-out windows");
  add_experiment(evaluate, arguments);
  evaluate->add_option("--recipe", arguments.recipe, "YAML file of `site: option` lines, or one option for every site")
      ->required();
  evaluate->add_flag("--json", arguments.json, "Print the metrics as JSON");
  evaluate->add_flag("-q,--quiet", arguments.quiet, "No progress");

  CLI::App* status = app.add_subcommand("status", "Tell how far a search is, from beside it or after it");
  add_file(status, "run", arguments, "The directory of the run");
  status->add_flag("--json", arguments.json, "As JSON");
  status->add_option("--watch", arguments.watch_seconds, "Tell again every so many seconds until the search is over")
      ->check(CLI::Range(0.1, 86400.0))
      ->type_name("SECONDS");

  CLI::App* report = add_report(app, arguments);
  CLI::App* compare_runs = app.add_subcommand("compare", "Show runs of one model side by side, with paired intervals");
  compare_runs
      ->add_option("runs", arguments.runs, "Two or more of run.h5 or directories of runs; the first is the base")
      ->required()
      ->expected(2, 64);
  compare_runs->add_flag("--json", arguments.json, "As JSON");
  CLI::App* exports = add_export(app, arguments);

  CLI::App* inspect =
      app.add_subcommand("inspect", "Show what is in a checkpoint, safetensors, token, bank or run file");
  add_file(inspect, "file", arguments, "File or checkpoint directory");

  CLI::App* journal = app.add_subcommand("journal", "Look after the journal of a run");
  journal->require_subcommand(1);
  CLI::App* repair = journal->add_subcommand("repair", "Make a damaged journal readable again, and say what is lost");
  add_file(repair, "directory", arguments, "Directory of the run");
  CLI::App* rebuild =
      journal->add_subcommand("export", "Rebuild run.h5 from the journal alone, also while the search runs");
  add_file(rebuild, "directory", arguments, "Directory of the run");

  CLI::App* profile = add_profile(app, arguments);

  CLI::App* options = app.add_subcommand("options", "List all ways to compress a layer");

  CLI::App* submit = add_submit(app, arguments);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (group.rank() != 0) return error.get_exit_code() == 0 ? 0 : framework::exit_code::usage;
    return app.exit(error) == 0 ? 0 : framework::exit_code::usage;
  }

  const bool uses_ranks = *search || *compare || *evaluate || *exports;
  if (!uses_ranks && group.rank() != 0) return 0;
  const int exit_code = run_on_ranks(group, [&] {
    if (*check) return pare::search::check(arguments);
    if (*search) return pare::search::search(arguments, group);
    if (*compare) return pare::search::compare_search(arguments, group);
    if (*run) return pare::search::run(arguments, group);
    if (*evaluate) return pare::search::evaluate(arguments, group);
    if (*exports) return pare::search::export_model(arguments, group);
    if (*report) return pare::search::report(arguments);
    if (*profile) return pare::search::profile(arguments);
    if (*compare_runs) return pare::search::compare(arguments);
    if (*status) return pare::search::status(arguments);
    if (*repair) return pare::search::repair_journal(arguments);
    if (*rebuild) return pare::search::export_journal(arguments);
    if (*options) return pare::search::options();
    if (*submit) return pare::search::submit(arguments);
    return pare::search::inspect(arguments);
  });
  return group.finish(exit_code);
}
