// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "framework/bank/build_site.hpp"
#include "framework/calibration/stage_calibrator.hpp"
#include "framework/comm/shared_buffer.hpp"
#include "framework/evaluation/teacher.hpp"
#include "search/objective/trial.hpp"
#include "search/space/recipe.hpp"

namespace pare::search {

/// All messages between the coordinator and its workers. A worker says Hello first, then answers every Task with one
/// Reply that carries the task's number; in between it may say Alive at any time. Both ends are the same build; the version guards against a mixed installation.
inline constexpr std::uint32_t protocol_version = 8;

/// Memory that a member of a worker of several shares with the next one, in so many pieces: what one may be ahead.
inline constexpr std::size_t handover_slots = 4;
struct SharedStates {
  std::uint32_t slot = 0;  ///< below handover_slots
  framework::SharedPlace place;
  std::uint64_t values = 0;

  bool operator==(const SharedStates&) const = default;
};
/// Hidden states on their way from one member of a worker to the next, as framework/evaluation/shared_prefixes.hpp has
/// them: in the message, or in memory of the process that made them.
struct HandedStates {
  std::vector<float> values;
  std::optional<SharedStates> shared = {};
};

/// Sample windows [begin, begin + count) from the model itself.
struct GenerateText {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};
/// Read the window sets from this file (framework/data/window_file.hpp).
struct UseText {
  std::string file;
};
/// Take lanes [first_lane, first_lane + lanes) of the calibration windows through one stage of the full model, behind the
/// stages before it; the lanes are the same for all stages. framework/calibration/stage_calibrator.hpp.
struct CalibrateStage {
  std::uint64_t stage = 0;
  std::int64_t first_lane = 0;
  std::int64_t lanes = 0;
};
struct UseCalibration {
  std::string file;
};
/// Compress one site with all its options.
struct BuildSite {
  std::uint64_t site = 0;
};
struct UseBank {
  std::string file;
};
/// Run the full model on windows of a set. `states`: of a worker with a part of the model's stages (worker_group.hpp) the
/// hidden states that reach the first of them; empty where that is the embedding. One whose stages do not end with the
/// head answers Passed, with the states in this slot of the memory that it shares, or within the answer where none is
/// named; one that cannot see what it is to take answers Unseen.
struct Teach {
  WindowSet set = WindowSet::search;
  std::int64_t begin = 0;
  std::int64_t count = 0;
  HandedStates states = {};
  std::optional<std::uint32_t> slot = {};
};
struct UseTeacher {
  std::string file;
};
/// A lease: candidates that share a prefix, on the same windows of a set. `states`, `slot`: as Teach has them.
struct Evaluate {
  WindowSet set = WindowSet::search;
  std::int64_t begin = 0;
  std::int64_t count = 0;
  std::vector<Recipe> recipes;
  HandedStates states = {};
  std::optional<std::uint32_t> slot = {};
};
/// No more tasks; not answered.
struct Stop {
  bool ranks_lost = false;  ///< some worker is gone, and nobody may wait for it
};
/// The coordinator's word that it is there, in return for Alive; not answered.
struct Echo {};

using Task = std::variant<GenerateText, UseText, CalibrateStage, UseCalibration, BuildSite, UseBank, Teach, UseTeacher,
                          Evaluate, Stop, Echo>;

struct GeneratedText {
  std::vector<std::uint32_t> tokens;
};
/// UseText, UseCalibration, UseBank and UseTeacher: the file was opened.
struct Ready {};
struct StageCalibrated {
  std::vector<framework::StageCalibrator::Part> parts;
};
struct SiteBuilt {
  framework::BuiltSite site;
};
struct Taught {
  framework::TeacherPart part;
};
/// kl and nll: [recipes, count], row-major; wrong likewise, or empty where windows are text.
struct Evaluated {
  std::vector<double> kl;
  std::vector<double> nll;
  std::int64_t stage_runs = 0;
  std::int64_t stage_runs_separate = 0;
  std::vector<double> wrong = {};
};
/// Why a task failed, which decides what happens to it (scheduler.hpp).
enum class FailureKind : std::uint8_t {
  input = 0,       ///< what a user or a file gave is wrong: nobody can do better
  evaluation = 1,  ///< a loss is not finite
  memory = 2,      ///< no memory left, on the host or on the device
  crash = 3,       ///< the process that evaluates died
  fault = 4,       ///< anything else
  device = 5,      ///< the GPU is lost to the process that evaluates, which ends after this answer
};
struct Failed {
  FailureKind kind = FailureKind::fault;
  std::string text;  ///< one line
};
/// No answer: the worker is there, even if its task takes long. The reply's number and seconds mean nothing.
struct Alive {};
/// No answer: who the worker is, sent before anything else, and again when its evaluating process was started anew.
/// Workers whose build, instruction set or model differ from the coordinator's would give other losses.
struct Hello {
  std::string build;  ///< framework::build_id()
  std::string isa;    ///< framework::arithmetic_id()
  std::string model;  ///< Model::hash()
  std::string host;
  std::int64_t pid = 0;
  /// Of its processes, by place on the PCI bus, such as "0000:65:00.0 of node1"; empty: the worker evaluates on the CPU.
  std::vector<std::string> gpus = {};
  std::int32_t processes = 1;  ///< that share the worker's tasks, and are at several at a time
};

/// Hidden states behind the stages of a worker that has not the last of them: what the next one gets.
struct Passed {
  HandedStates states;
  std::int64_t stage_runs = 0;
  std::int64_t stage_runs_separate = 0;
};
/// The states that were to enter lie in memory that this process cannot see.
struct Unseen {};
/// No answer: a process without which the worker cannot go on is gone. It stays until Stop, and answers nothing more.
struct MemberLost {
  std::string text;  ///< one line
};

using Outcome = std::variant<GeneratedText, Ready, StageCalibrated, SiteBuilt, Taught, Evaluated, Failed, Alive, Hello,
                             Passed, Unseen, MemberLost>;

struct NumberedTask {
  std::uint64_t number = 0;
  Task task;
};

struct Reply {
  std::uint64_t number = 0;
  double seconds = 0;  ///< the worker was busy with it
  Outcome outcome;
};

std::vector<std::byte> encode(const NumberedTask& task);
std::vector<std::byte> encode(const Reply& reply);
/// Throw InputError on bytes that are not such a message of this version.
NumberedTask decode_task(std::span<const std::byte> bytes);
Reply decode_reply(std::span<const std::byte> bytes);

}  // namespace pare::search
