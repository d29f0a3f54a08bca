// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The layout of a run file (HDF5), as code and as documentation. Plain columns, so that h5py and pandas read
/// it without help:
///
///   import h5py, pandas
///   with h5py.File("run.h5") as run:
///     sites = pandas.DataFrame({name: column[:] for name, column in run["sites"].items()})
///
/// Every dataset carries `units` and `description` as attributes, with the texts below. Texts are UTF-8. Rows
/// of one group belong together. A recipe is a row of uint8, one a site: the position of the chosen option
/// among the rows of /options of that site. Windows that were not evaluated are NaN. The same run gives the
/// same bytes, apart from /workers, /trials/seconds and from what /verdict says was spent.
///
/// The file is derived from the journal and written whole; it is never changed. A change of meaning raises
/// `version`.
namespace pare::search::schema {

inline constexpr const char* format = "pare-run";
inline constexpr std::int64_t version = 1;
/// Bytes of the longest text that HDF5 keeps in an attribute.
inline constexpr std::size_t longest_text = 60'000;

struct Column {
  const char* path;
  const char* units;
  const char* description;
};

// "/": format, version; journal_sequence: the last record of the journal that went into the file.
inline constexpr const char* journal_sequence = "journal_sequence";
// "/experiment": what was asked for, as attributes.
inline constexpr const char* experiment = "/experiment";
inline constexpr const char* yaml = "yaml";  // the resolved experiment
inline constexpr const char* algorithm = "algorithm";
inline constexpr const char* seed = "seed";
inline constexpr const char* window_length = "window_length";              // tokens
inline constexpr const char* search_windows = "search_windows";            // how many
inline constexpr const char* holdout_windows = "holdout_windows";          // how many
inline constexpr const char* calibration_windows = "calibration_windows";  // how many; absent, 0: none of their own
inline constexpr const char* metric = "metric";    // what is minimized: kl, perplexity, accuracy; absent: kl
inline constexpr const char* combine = "combine";  // of windows: mean, worst (domain); absent: mean

// "/domains": one row a domain of the text, in the order that window domains count; absent where there is one text.
inline constexpr const char* domains = "/domains";
inline constexpr Column domain_name{"/domains/name", "", "as the experiment calls it"};
inline constexpr Column domain_weight{"/domains/weight", "", "share of the windows, relative to the others"};
// "/windows": one row a window of the set.
inline constexpr const char* windows = "/windows";
inline constexpr Column search_domain{"/windows/search_domain", "", "row of /domains, of each search window"};
inline constexpr Column holdout_domain{"/windows/holdout_domain", "", "likewise, of each held-out window"};

// "/provenance": one text attribute a fact (build, host, versions, hashes); `keys` lists their names, one a
// line, in their order.
inline constexpr const char* provenance = "/provenance";
inline constexpr const char* provenance_keys = "keys";

// "/sites": one row a site, in the order of the model's chain.
inline constexpr const char* sites = "/sites";
inline constexpr Column site_name{"/sites/name", "", "modules that share one option"};
inline constexpr Column site_kind{"/sites/kind", "", "last word of the module names"};
inline constexpr Column site_layer{"/sites/layer", "", "layer of the model"};
inline constexpr Column site_stage{"/sites/stage", "", "first stage of the model's chain that the site changes"};
inline constexpr Column site_weights{"/sites/weights", "weights", "number of weights"};
inline constexpr Column site_original_bytes{"/sites/original_bytes", "bytes", "size in the checkpoint"};

// "/options": one row an option of a site, grouped by site, in the order that recipes count.
inline constexpr const char* options = "/options";
inline constexpr Column option_site{"/options/site", "", "row of /sites"};
inline constexpr Column option_name{"/options/name", "", "how the site is compressed"};
inline constexpr Column option_bytes{"/options/bytes", "bytes", "exact size: codes, scales and zero points"};
inline constexpr Column option_local_error{
    "/options/local_error", "1", "relative squared error of the weights, or of the outputs where inputs were measured"};

// "/measures": one row a cost besides bytes that a budget limits; absent where none does.
inline constexpr const char* measures = "/measures";
inline constexpr Column measure_name{"/measures/name", "", "the key of its limit in the experiment"};
inline constexpr Column measure_unit{"/measures/unit", "", "what one is: ps (picoseconds) or bytes"};
inline constexpr Column option_costs{"/options/costs", "", "[option, measure] in the unit of the measure"};

// "/left_out": one row an option that failed at a site and is no part of the space there; absent where none did.
inline constexpr const char* left_out = "/left_out";
inline constexpr Column left_out_site{"/left_out/site", "", "name of the site"};
inline constexpr Column left_out_option{"/left_out/option", "", "the option that failed"};
inline constexpr Column left_out_reason{"/left_out/reason", "", "why"};

// "/trials": one row a trial, in the order of commits. The attribute `digest` is XXH3-128 over them
// (TrialDigest).
inline constexpr const char* trials = "/trials";
inline constexpr Column trial_id{"/trials/id", "", "position in the order of commits"};
inline constexpr Column trial_set{"/trials/set", "", "0: search windows, 1: held-out windows"};
inline constexpr Column trial_begin{"/trials/begin", "windows", "first window evaluated"};
inline constexpr Column trial_count{"/trials/count", "windows", "number of windows evaluated"};
inline constexpr Column trial_kl_mean{"/trials/kl_mean", "nats/token", "mean of window_kl"};
inline constexpr Column trial_nll_mean{"/trials/nll_mean", "nats/token", "mean of window_nll"};
inline constexpr Column trial_failure{"/trials/failure", "",
                                      "why the trial failed (its values are infinite); absent where none did"};
inline constexpr Column trial_seconds{"/trials/seconds", "s",
                                      "of search until the commit, over all starts; absent in older files"};
inline constexpr Column trial_recipe{"/trials/recipe", "", "[trial, site] option of each site"};
inline constexpr Column trial_window_kl{"/trials/window_kl", "nats/token",
                                        "[trial, i] mean KL(teacher || candidate) on window begin + i"};
inline constexpr Column trial_window_nll{"/trials/window_nll", "nats/token",
                                         "[trial, i] mean negative log-likelihood on window begin + i"};
inline constexpr Column trial_window_wrong{"/trials/window_wrong", "1",
                                           "[trial, i] 1: wrong answer to item begin + i; absent for text"};

// "/workers": one row a worker of the start that came to the verdict, absent before. Attributes: how long there were
// workers, and how many tasks were handed out again, and why.
inline constexpr const char* workers = "/workers";
inline constexpr const char* workers_seconds = "seconds";
inline constexpr const char* retries = "retries";          // after a failure
inline constexpr const char* lost_leases = "lost_leases";  // because their worker was lost or quarantined
inline constexpr const char* late_leases = "late_leases";  // because they were late
inline constexpr Column worker_name{"/workers/name", "", "number, and the host it ran on"};
inline constexpr Column worker_state{"/workers/state", "", "working, suspect, late, lost or quarantined"};
inline constexpr Column worker_tasks{"/workers/tasks", "", "tasks answered"};
inline constexpr Column worker_failures{"/workers/failures", "", "tasks that came back as failed"};
inline constexpr Column worker_busy{"/workers/busy_seconds", "s", "at tasks"};
inline constexpr Column worker_latency_p50{"/workers/latency_p50_seconds", "s",
                                           "from sending a task to its answer: median"};
inline constexpr Column worker_latency_p95{"/workers/latency_p95_seconds", "s", "the same: 95 % quantile"};
inline constexpr Column worker_sent{"/workers/bytes_sent", "bytes", "to the worker"};
inline constexpr Column worker_received{"/workers/bytes_received", "bytes", "from the worker"};

// "/verdict": the outcome, absent while the search goes on. Attributes; `winner` is a row of
// /verdict/contestants.
inline constexpr const char* verdict = "/verdict";
inline constexpr const char* winner = "winner";
inline constexpr const char* budget_bytes = "budget_bytes";
inline constexpr const char* reference_bytes = "reference_bytes";
inline constexpr const char* reference_perplexity = "reference_perplexity";
inline constexpr const char* spent_tokens = "spent_tokens";                // candidate-tokens, confirmation included
inline constexpr const char* spent_search_tokens = "spent_search_tokens";  // without the confirmation
inline constexpr const char* spent_reused_tokens = "spent_reused_tokens";  // evaluated by other runs; absent: 0
inline constexpr const char* spent_evaluations = "spent_evaluations";
inline constexpr const char* spent_seconds = "spent_seconds";
inline constexpr const char* stage_runs = "stage_runs";              // stages run, once per window
inline constexpr const char* stage_runs_saved = "stage_runs_saved";  // stage runs that shared prefixes made unnecessary
inline constexpr const char* ended_by = "ended_by";  // the limit that ended the search; absent: none did
// What races cost and saved, and how well the surrogate ranked; absent in older files, which read as zeros.
inline constexpr const char* races = "races";
inline constexpr const char* race_entrants = "race_entrants";
inline constexpr const char* race_eliminated = "race_eliminated";        // left because another was better
inline constexpr const char* race_cut = "race_cut";                      // left because too few go on to the next rung
inline constexpr const char* race_windows_saved = "race_windows_saved";  // against full evaluation of all entrants
inline constexpr const char* surrogate_correlation = "surrogate_correlation";  // rank correlation on fresh trials
inline constexpr const char* surrogate_trials = "surrogate_trials";  // fresh trials predicted; 0: no surrogate
inline constexpr const char* trial_count_attribute = "trials";
inline constexpr const char* digest = "digest";  // XXH3-128 over all trials in their order

inline constexpr Column reference_window_nll{"/verdict/reference_window_nll", "nats/token",
                                             "[window] of the full model, held out; absent in older files"};
inline constexpr Column reference_window_wrong{"/verdict/reference_window_wrong", "1",
                                               "[item] of the full model, held out; absent for text"};

// "/verdict/limits": one row a row of /measures, absent without them.
inline constexpr Column verdict_limits{"/verdict/limits", "", "most of each measure; 2^63 - 1: not limited"};

// "/verdict/front": one row a budget, ascending; absent for one budget. `budget_bytes` and `winner` of /verdict are those
// of the largest.
inline constexpr const char* front = "/verdict/front";
inline constexpr Column front_bytes{"/verdict/front/budget_bytes", "bytes", "most bytes"};
inline constexpr Column front_winner{"/verdict/front/winner", "", "row of /verdict/contestants"};
inline constexpr Column front_uniform{"/verdict/front/uniform", "",
                                      "the best uniform recipe that fits, likewise; -1: none"};
inline constexpr Column front_limits{"/verdict/front/limits", "",
                                     "[budget, measure] as /verdict/limits; absent without"};

// "/verdict/predictions": one row a trial that a surrogate had predicted before it was measured, in order; absent where
// there were none and in older files.
inline constexpr const char* predictions = "/verdict/predictions";
inline constexpr Column prediction_predicted{"/verdict/predictions/predicted", "nats/token",
                                             "change of the loss against the best recipe at that time"};
inline constexpr Column prediction_measured{"/verdict/predictions/measured", "nats/token", "the same, measured"};

// "/verdict/stages": one row a part of the time of the start that came to the verdict; absent in older files.
inline constexpr const char* stages = "/verdict/stages";
inline constexpr Column stage_name{"/verdict/stages/name", "", "what was done"};
inline constexpr Column stage_seconds{"/verdict/stages/seconds", "s", "how long it took"};

// "/verdict/rungs": one row a rung of the races; absent where there were none.
inline constexpr const char* rungs = "/verdict/rungs";
inline constexpr Column rung_windows{"/verdict/rungs/windows", "windows", "up to which the rung goes"};
inline constexpr Column rung_spent{"/verdict/rungs/spent", "windows", "that entrants ran in it"};

// "/verdict/contestants": one row a recipe of the final, on the held-out windows.
inline constexpr const char* contestants = "/verdict/contestants";
inline constexpr Column contestant_name{"/verdict/contestants/name", "", "who proposed the recipe"};
inline constexpr Column contestant_bytes{"/verdict/contestants/bytes", "bytes", "exact size of the searched weights"};
inline constexpr Column contestant_bits{"/verdict/contestants/bits_per_weight", "bits", "8 bytes / weights"};
inline constexpr Column contestant_fits{"/verdict/contestants/fits", "", "1: within the budget"};
inline constexpr Column contestant_kl_mean{"/verdict/contestants/kl_mean", "nats/token", "mean of window_kl"};
inline constexpr Column contestant_kl_stderr{"/verdict/contestants/kl_stderr", "nats/token",
                                             "standard error of kl_mean over windows"};
inline constexpr Column contestant_perplexity{"/verdict/contestants/perplexity", "1", "exp(mean of window_nll)"};
inline constexpr Column contestant_recipe{"/verdict/contestants/recipe", "", "[contestant, site] option of each site"};
inline constexpr Column contestant_window_kl{"/verdict/contestants/window_kl", "nats/token",
                                             "[contestant, window] mean KL(teacher || candidate)"};
inline constexpr Column contestant_window_nll{"/verdict/contestants/window_nll", "nats/token",
                                              "[contestant, window] mean negative log-likelihood"};
inline constexpr Column contestant_window_wrong{"/verdict/contestants/window_wrong", "1",
                                                "[contestant, item] 1: wrong answer; absent for text"};

}  // namespace pare::search::schema
