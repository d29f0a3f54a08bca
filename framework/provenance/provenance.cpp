// SPDX-License-Identifier: Apache-2.0
#include "framework/provenance/provenance.hpp"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "framework/comm/process_info.hpp"
#include "framework_build_facts.hpp"

namespace pare::framework {
namespace {

void append(std::string& list, const char* name, bool present) {
  if (present) list += (list.empty() ? "" : "-") + std::string(name);
}

/// The sets this CPU has.
std::string cpu_sets() {
  std::string sets;
#if defined(__x86_64__)
  __builtin_cpu_init();
  append(sets, "avx2", __builtin_cpu_supports("avx2") != 0);
  append(sets, "fma", __builtin_cpu_supports("fma") != 0);
  append(sets, "avxvnni", __builtin_cpu_supports("avxvnni") != 0);
  append(sets, "avx512",
         __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0);
  append(sets, "vnni", __builtin_cpu_supports("avx512vnni") != 0);
  append(sets, "bf16", __builtin_cpu_supports("avx512bf16") != 0);
  append(sets, "fp16", __builtin_cpu_supports("avx512fp16") != 0);
  append(sets, "amx_int8", __builtin_cpu_supports("amx-int8") != 0);
  append(sets, "amx_bf16", __builtin_cpu_supports("amx-bf16") != 0);
  return sets.empty() ? "sse2" : sets;
#else
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
#endif
}

/// The sets the compiler was allowed to use: -march=native names none.
std::string compiled_sets() {
  std::string sets;
#ifdef __AVX2__
  append(sets, "avx2", true);
#endif
#ifdef __FMA__
  append(sets, "fma", true);
#endif
#ifdef __AVX512F__
  append(sets, "avx512", true);
#endif
#ifdef __AVX512VNNI__
  append(sets, "vnni", true);
#endif
#ifdef __AVX512BF16__
  append(sets, "bf16", true);
#endif
#ifdef __AVX512FP16__
  append(sets, "fp16", true);
#endif
  return sets.empty() ? "base" : sets;
}

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string cores() {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  return sched_getaffinity(0, sizeof usable, &usable) == 0 ? std::to_string(CPU_COUNT(&usable)) : "unknown";
}

std::string memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? std::to_string(static_cast<long long>(pages) * page) : "unknown";
}

std::string os() {
  utsname system{};
  if (uname(&system) != 0) return "unknown";
  return std::string(system.sysname) + " " + system.release + " " + system.machine;
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  const bool known = gmtime_r(&now, &utc) != nullptr;
  return known && std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0 ? text.data() : "unknown";
}

}  // namespace

std::string version() {
  return build_facts::version;
}

std::string isa_id() {
  std::string id = std::string(build_facts::march) + ":" + cpu_sets();
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (limit == nullptr) limit = std::getenv("DNNL_MAX_CPU_ISA");
  if (limit != nullptr && *limit != '\0') id += std::string(":limit=") + limit;
  return id;
}

std::string build_id() {
  std::string id;
  for (const std::string& fact :
       {version(), std::string(build_facts::git_commit), std::string(build_facts::source_hash),
        std::string(build_facts::compiler), std::string(build_facts::build_type), std::string(build_facts::sanitize),
        compiled_sets(), isa_id()}) {
    id += (id.empty() ? "" : "|") + fact;
  }
  return id;
}

Facts collect_provenance() {
  Facts facts{{"version", version()},
              {"git_commit", build_facts::git_commit},
              {"source_hash", build_facts::source_hash},
              {"build_type", build_facts::build_type},
              {"compiler", build_facts::compiler},
              {"march", build_facts::march},
              {"isa", isa_id()},
              {"mpi", build_facts::mpi},
              {"hostname", host_name()},
              {"cpu_model", cpu_model()},
              {"cores", cores()},
              {"memory_bytes", memory_bytes()},
              {"os", os()},
              {"started_at", now_utc()}};
  if (const char* job = std::getenv("SLURM_JOB_ID")) {
    const char* restarts = std::getenv("SLURM_RESTART_COUNT");  // SLURM sets it from the second start on
    facts.emplace_back("slurm_job_id", job);
    facts.emplace_back("slurm_restart_count", restarts != nullptr ? restarts : "0");
  }
  return facts;
}

}  // namespace pare::framework
