// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/supervisor.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "framework/comm/exit_code.hpp"
#include "framework/comm/launched_job.hpp"
#include "framework/comm/process_group.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/store/run_status.hpp"

namespace pare::search {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
namespace exit_code = framework::exit_code;

constexpr auto nap = std::chrono::milliseconds(50);
constexpr Seconds goodbye(3);               // from a final status to the end of the launch: all is on the disk
constexpr Seconds drain_patience(90);       // the coordinator's own limit, and some more
constexpr Seconds death_confirmation(0.5);  // a status may still be on its way

std::atomic<bool> terminated{false};

void on_terminate(int) {
  terminated = true;
}

void on_interrupt(int) {
  if (drain_requested()) terminated = true;
  raise(SIGUSR2);
}

void say(const std::string& text) {
  fmt::print(stderr, "pare run: {}\n", text);
}

/// Nothing that a second attempt would change.
bool needs_a_person(int code) {
  constexpr std::array codes = {exit_code::usage, exit_code::data, exit_code::output, exit_code::journal,
                                exit_code::breaker};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// How a launch ended.
struct Ending {
  std::optional<RunStatus> status;  ///< final; empty: it ended without a word, and `reason` says what was seen
  std::string reason;
  bool stalled = false;
};

class Supervisor {
 public:
  Supervisor(const Experiment& experiment, const Launch& launch)
      : times_(experiment.containment), launch_(launch), file_(status_file(experiment.output)) {
    if (const auto status = read()) tokens_ = status->tokens;
  }

  int run() {
    for (int launches = 1, fruitless = 0;; ++launches) {
      const Ending ending = run_once(launches);
      if (ending.status) {
        const RunStatus& status = *ending.status;
        if (status.state == RunState::complete || status.state == RunState::drained) return status.exit_code;
        if (needs_a_person(status.exit_code)) return status.exit_code;
      }
      if (terminated || drain_requested()) return exit_code::temporary;
      fruitless = new_result_ ? 0 : fruitless + 1;
      if (fruitless > times_.restarts) return give_up(ending);
      const auto step = static_cast<std::size_t>(std::max(0, fruitless - 1));
      const double wait = times_.backoff_seconds[std::min(step, times_.backoff_seconds.size() - 1)];
      say(fmt::format("{}; starting again in {:g} s", ending.reason, wait));
      if (!wait_for(Seconds(wait))) return drain_requested() && !terminated ? exit_code::drained : exit_code::temporary;
    }
  }

 private:
  std::optional<RunStatus> read() const {
    try {
      return read_run_status(file_);
    } catch (const InputError&) {
      return std::nullopt;  // not ours; the next one is
    }
  }

  std::vector<std::string> command() const {
    std::vector<std::string> words;
    if (launch_.ranks > 1) {
      words = {"mpirun", "-n", std::to_string(launch_.ranks), "--mca", "pml", "ob1"};
      if (times_.recovery) words.insert(words.end(), {"--mca", "orte_enable_recovery", "1"});
      // Outside of a batch allocation there is this host alone, and ranks that outnumber its cores are meant.
      if (std::getenv("SLURM_JOB_ID") == nullptr) words.insert(words.end(), {"--oversubscribe", "--bind-to", "none"});
      words.insert(words.end(), launch_.mpirun.begin(), launch_.mpirun.end());
    }
    words.insert(words.end(), {launch_.program, "search"});
    words.insert(words.end(), launch_.arguments.begin(), launch_.arguments.end());
    return words;
  }

  Ending run_once(int launches) {
    RunStatus starting = status_of_this_process();
    starting.launch = fmt::format("{}-{}", starting.pid, launches);
    starting.tokens = tokens_;
    write_run_status(file_, starting);
    id_ = starting.launch;
    new_result_ = false;
    framework::LaunchedJob::Environment environment{{"PARE_LAUNCH", id_}};
    if (::geteuid() == 0) {  // whoever runs pare as root means it, in a container mostly
      environment.insert(environment.end(), {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}});
    }
    framework::LaunchedJob job(command(), environment);
    Ending ending = watch(job);
    job.end();
    if (!ending.status) take(ending.status, own_status());  // its last word, if there is one
    if (ending.status && ending.reason.empty()) ending.reason = ending.status->error;
    return ending;
  }

  std::optional<RunStatus> own_status() {
    auto status = read();
    if (!status || status->launch != id_) return std::nullopt;
    if (status->tokens > tokens_) {
      tokens_ = status->tokens;
      new_result_ = true;
    }
    return status;
  }

  static void take(std::optional<RunStatus>& final_status, const std::optional<RunStatus>& status) {
    if (status && is_final(status->state)) final_status = status;
  }

  /// Until the launch has ended, or has to be ended.
  Ending watch(framework::LaunchedJob& job) {
    Ending ending;
    const auto start = Clock::now();
    auto progressed = start;
    std::optional<Clock::time_point> dead_since, drain_since, final_since;
    std::uint64_t progress = 0;
    for (bool first = true;; first = false) {
      if (!first) std::this_thread::sleep_for(nap);
      const auto now = Clock::now();
      if (terminated) return {.status = {}, .reason = "told to end", .stalled = false};
      if (drain_requested() && !drain_since) {
        drain_since = now;
        job.signal(SIGUSR2);
      }
      const bool ended = job.ended().has_value();
      const auto status = own_status();
      take(ending.status, status);
      if (ending.status) {
        if (!final_since) final_since = now;
        if (ended || now - *final_since > goodbye) return ending;
        continue;
      }
      if (ended) {
        ending.reason = "the launch ended without a word, with " + *job.ended();
        return ending;
      }
      if (status && status->progress != progress) {
        progress = status->progress;
        progressed = now;
      }
      const bool ready = status && status->state >= RunState::ready;
      ending.stalled = true;
      if (!ready && now - start > Seconds(times_.ready_seconds)) {
        ending.reason = fmt::format("not ready after {:g} s", times_.ready_seconds);
        return ending;
      }
      if (ready && now - progressed > Seconds(times_.progress_seconds)) {
        ending.reason = fmt::format("no task came back for {:g} s", times_.progress_seconds);
        return ending;
      }
      ending.stalled = false;
      if (drain_since && now - *drain_since > drain_patience) {
        ending.reason = "the drain does not end";
        return ending;
      }
      // Recovery keeps the launcher waiting for a job without a coordinator.
      if (!status || !writer_is_dead(*status)) {
        dead_since.reset();
      } else if (!dead_since) {
        dead_since = now;
      } else if (now - *dead_since > death_confirmation) {
        ending.reason = "rank 0 died";
        return ending;
      }
    }
  }

  bool wait_for(Seconds time) const {
    const auto end = Clock::now() + time;
    while (Clock::now() < end) {
      if (terminated || drain_requested()) return false;
      std::this_thread::sleep_for(nap);
    }
    return true;
  }

  int give_up(const Ending& ending) {
    RunStatus status = read().value_or(status_of_this_process());
    status.state = ending.stalled ? RunState::stalled : RunState::failed;
    const bool defect = ending.status && ending.status->exit_code == exit_code::internal;
    status.exit_code = defect ? exit_code::internal : exit_code::temporary;
    status.error = ending.reason;
    write_run_status(file_, status);
    say(fmt::format("gave up after {} restarts without a new result: {}", times_.restarts, ending.reason));
    return status.exit_code;
  }

  ContainmentSettings times_;
  Launch launch_;
  std::filesystem::path file_;
  std::string id_;
  std::int64_t tokens_ = 0;  ///< evaluated by all launches so far
  bool new_result_ = false;  ///< in the current launch
};

}  // namespace

int supervise(const Experiment& experiment, const Launch& launch) {
  VALIDATE(launch.ranks == 1 || framework::ProcessGroup::has_mpi(), "-n ", launch.ranks,
           ": this pare was built without MPI (PARE_MPI=OFF), it runs one process");
  make_directory(experiment.output, "output");
  if (const auto status = read_run_status(status_file(experiment.output))) {
    VALIDATE(!is_at_work(*status), "output: ", experiment.output.string(), " is in use by process ", status->pid,
             ", wait for it or choose another directory (--output)");
  }
  handle_signals_of_coordinator();
  for (const int number : {SIGTERM, SIGHUP}) ::signal(number, on_terminate);
  ::signal(SIGINT, on_interrupt);
  return Supervisor(experiment, launch).run();
}

}  // namespace pare::search
