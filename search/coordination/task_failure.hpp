// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

#include "search/coordination/protocol.hpp"

namespace pare::search {

/// What an exception out of a task means for the coordinator.
Failed explain_failure(const std::exception& error);

}  // namespace pare::search
