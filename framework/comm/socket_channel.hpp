// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "framework/comm/channel.hpp"
#include "framework/comm/descriptor.hpp"

namespace pare::framework {

/// One end of a line between two processes of this host, over a connected stream socket, which it owns. On the wire a
/// message is a frame: four bytes of magic, the length of the message in eight bytes (little endian), the message. Bytes
/// that are no frame, and a message of more than 64 GiB, break the line; memory grows with the bytes that have arrived,
/// never with a length that was only announced.
///
/// `send` never waits: what the socket does not take at once leaves during later calls. A message that was sent
/// whole before the other process died is received before the line counts as broken.
std::unique_ptr<Channel> make_socket_channel(Descriptor socket);

}  // namespace pare::framework
