// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace pare::framework {

/// One end of a two-way line between the coordinator and one worker. Messages are whole byte strings of any
/// length (empty ones too), arrive in the order they were sent, and are never lost while both ends live. Two
/// implementations: MPI ranks and threads of one process.
///
/// A channel is used by one thread at a time. `send` copies the message and returns. All three functions
/// throw std::runtime_error when the line is broken: an MPI call failed, or the other thread's end is gone
/// (and, for the receiving ones, everything it had sent was received). A rank that died is not seen here: MPI
/// reports nothing, so whoever waits for an answer keeps its own clock.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send(std::span<const std::byte> message) = 0;
  /// The next message if it is completely here; never waits.
  virtual std::optional<std::vector<std::byte>> try_receive() = 0;
  /// Waits for the next message.
  virtual std::vector<std::byte> receive() = 0;
};

/// The two ends of a line between two threads of this process.
std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>> make_thread_channel();

}  // namespace pare::framework
