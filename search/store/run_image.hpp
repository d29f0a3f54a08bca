// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "search/store/run_record.hpp"

namespace pare::search {

/// A run without its trials as the bytes of a run file: what the journal keeps of a run besides the trials, so that the
/// schema of run files is the only description of a run. Uses a file in the system's directory for temporary files.
std::vector<std::byte> run_image(RunRecord record);

/// Throws InputError when the bytes are no run file.
RunRecord read_run_image(std::span<const std::byte> image);

}  // namespace pare::search
