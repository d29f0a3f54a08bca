// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/io/event_file.hpp"
#include "framework/io/json.hpp"

namespace pare::search {

/// Something that happened in a run, for those who watch it.
struct TrackedEvent {
  std::int64_t trial = -1;                 ///< its number when it is a trial, else -1
  framework::Json line;                    ///< all of it
  std::vector<framework::Scalar> scalars;  ///< of a trial: what is drawn as curves
};

/// A file that grows by one event after the other. What an earlier start of the run wrote is found again when it is
/// opened: a piece that was cut off at its end goes, and trials that it has are not written twice. Every event reaches the
/// system at once. Everything here throws InputError or JournalError, naming the file.
class TrackingSink {
 public:
  virtual ~TrackingSink() = default;
  virtual void write(const TrackedEvent& event) = 0;
};

/// One JSON object a line. Lines of other runs in front are left as they are. `run` names the run: its "start" lines
/// have it.
std::unique_ptr<TrackingSink> open_json_lines(const std::filesystem::path& file, const std::string& run);

/// A TensorBoard event file in the directory, events.out.tfevents.<time>.<host>.<pid>.pare-<run>, one a run.
std::unique_ptr<TrackingSink> open_event_file(const std::filesystem::path& directory, const std::string& run);

}  // namespace pare::search
