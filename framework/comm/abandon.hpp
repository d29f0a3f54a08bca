// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "framework/comm/channel.hpp"

namespace pare::framework {

/// Keeps the line to a rank that is lost until the process ends: its destructor would wait for the rest of a message that
/// never comes. Any thread.
void abandon(std::unique_ptr<Channel> channel);

}  // namespace pare::framework
