// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "framework/compression/site.hpp"
#include "framework/data/text_mixture.hpp"
#include "framework/data/token_windows.hpp"
#include "framework/evaluation/compute_device.hpp"
#include "kernels/gemm/linear.hpp"
#include "search/experiment/containment.hpp"
#include "search/objective/objective.hpp"
#include "search/space/budget_rule.hpp"

namespace pare::search {

/// How ranks get at the files that all of them map: checkpoint, text, bank, full-model answers.
enum class Distribution {
  automatic,  ///< always where there are several nodes, else never
  never,      ///< every rank opens the shared file
  always      ///< rank 0 reads it, and every node gets a copy
};

/// Where an experiment wants its candidates evaluated.
enum class DeviceChoice {
  automatic,  ///< on a GPU where rank 0 has one that can run the experiment, else on the CPU
  cpu,
  cuda
};

/// What `pare compare-search` runs: every algorithm with every seed on every budget.
struct CompareRules {
  struct NamedBudget {
    std::string name;  ///< as the experiment spells it: "bits_per_weight: 2.5"
    BudgetRule rule;
  };
  bool given = false;                   ///< the experiment has the section `compare`
  std::vector<std::string> algorithms;  ///< default: all but exhaustive, pare first
  std::vector<std::uint64_t> seeds;     ///< default: the experiment's
  std::vector<NamedBudget> budgets;     ///< default: the experiment's where each limits one size and nothing else
  std::int64_t tokens = 0;              ///< that each may ask for; 0: what pare takes by default
  std::string identity;                 ///< hash of these and of all that decides a result but search and budget
};

/// Where the seconds of layers come from, and for what passes they count.
struct LatencySource {
  std::filesystem::path table;  ///< framework/evaluation/latency_table.hpp
  std::int64_t prefill_tokens = 2048;
  std::int64_t decode_tokens = 1;
};

/// The cache of keys and values whose bytes are counted.
struct KvCache {
  std::int64_t tokens = 0;
  std::int64_t bytes_per_value = 2;
};

/// Where a search tells other tools of its trials; empty: nowhere.
struct TrackingSettings {
  std::filesystem::path tensorboard;  ///< directory of event files
  std::filesystem::path jsonl;
};

/// Everything that a YAML experiment says, checked and with defaults filled in: see configs/README.md for the keys.
struct Experiment {
  std::filesystem::path model;

  std::vector<framework::TextSource> texts;  ///< token files; empty: text sampled from the model
  Objective objective;
  /// `calibration` as the experiment asks for it, 0: the search windows; no windows of their own are cut where no option
  /// is calibrated (Plan::windows).
  framework::WindowPlan windows;

  std::vector<framework::OptionRule> options;
  framework::Ties ties;
  framework::Target target = framework::Target::none;
  std::vector<BudgetRules> budgets;  ///< at least one; several are searched as one front
  std::optional<LatencySource> latency;
  std::optional<KvCache> kv;

  std::string algorithm = "pare";
  std::uint64_t seed = 1;
  std::vector<std::int64_t> rungs;    ///< tokens of the rungs of a race, ascending; empty: the default
  double minute_limit = 0;            ///< of the search, by the clock; 0: none
  std::int64_t evaluation_limit = 0;  ///< trials of the search; 0: none
  std::int64_t token_limit = 0;       ///< candidate-tokens of the search; 0: the algorithm's default
  CompareRules compare;

  DeviceChoice device = DeviceChoice::automatic;
  framework::ComputeDevice computes_on;  ///< of this process: the CPU until on_device() has looked (choose_device.hpp)
  kernels::Precision precision = kernels::Precision::f32;
  bool precision_given = false;  ///< f32, asked for, is none of a GPU's
  std::int64_t teacher_top_k = 512;
  std::int64_t weight_cache_mib = 256;
  std::optional<std::int64_t> state_cache_mib;

  std::filesystem::path output;
  std::filesystem::path cache;  ///< text, bank and teacher files, shared by runs; default: "cache" beside output
  bool reuse = true;            ///< evaluations of other runs in the cache; the result is the same without
  TrackingSettings tracking;
  ContainmentSettings containment;
  int member = 0;   ///< of this process: which of the ranks of its worker it is (cluster.ranks_per_worker)
  int threads = 0;  ///< cores a process may use; 0: all cores of the host, shared by its ranks

  Distribution distribution = Distribution::automatic;
  std::filesystem::path node_directory = "/dev/shm";  ///< of a node's copies while a run lasts; may be $TMPDIR

  /// The most that hidden states may take which a worker keeps.
  std::int64_t state_cache_bytes() const {
    constexpr std::int64_t on_cpu_mib = 64, on_gpu_mib = 4096;
    return state_cache_mib.value_or(computes_on.gpu ? on_gpu_mib : on_cpu_mib) << 20;
  }

  std::string resolved_yaml;  ///< the document after --set, in one stable form
  std::string
      identity;  ///< hash of all that decides the result: not of output, cache, reuse, tracking, cluster, device, threads, compare
};

/// Reads FILE, applies the `a.b=value` overrides in order, checks every key. Relative paths are relative to the
/// working directory. Throws InputError: FILE:line:column: key: what is wrong, what would be right.
Experiment read_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// The same from the resolved text of another rank.
Experiment parse_experiment(const std::string& text, const std::string& source,
                            const std::vector<std::string>& overrides);

}  // namespace pare::search
