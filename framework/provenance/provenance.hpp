// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

/// Where a result came from: which build ran, on which machine, and when. All functions may be called from
/// any thread and never throw for a fact that cannot be found out; it reads "unknown".
namespace pare::framework {

/// Names and values, in a fixed order.
using Facts = std::vector<std::pair<std::string, std::string>>;

/// version, git_commit, source_hash, build_type, compiler, march, isa, mpi, hostname, cpu_model, cores,
/// memory_bytes, os, started_at (UTC, ISO 8601). `cores` are those this process may use, `memory_bytes` is
/// the machine's memory. In a job of SLURM also slurm_job_id and slurm_restart_count, how often the job was
/// started before.
Facts collect_provenance();

/// Such as "0.1.0".
std::string version();

/// What decides the last bits of floating-point results: the -march value of the build, the SIMD sets of this
/// CPU that the kernels or oneDNN choose by, and the user's limit on them (ONEDNN_MAX_CPU_ISA) if there is
/// one. For example "native:avx2-fma-avx512-vnni-bf16". Stored results are reused only under the same value.
std::string isa_id();

/// What must not differ between the processes of one run nor between a run and its continuation: version,
/// commit, sources, compiler, build type, sanitizer, -march, the SIMD sets compiled for, and isa_id(). Not
/// the build's time.
std::string build_id();

}  // namespace pare::framework
