// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "framework/comm/process_group.hpp"

namespace pare::search {

/// OUTPUT/logs
std::filesystem::path log_directory(const std::filesystem::path& output);

/// Opens the log of this process, OUTPUT/logs/rank-0003.log, and says there who writes it. A rank that cannot write below
/// `output`, since it sees another file system, says so on standard error and works without a log.
void open_rank_log(const std::filesystem::path& output, const framework::ProcessGroup& group);

}  // namespace pare::search
