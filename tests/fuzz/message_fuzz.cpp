// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/protocol.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

namespace {

/// What is understood means one thing only: encoding and decoding it again changes nothing.
template <class Decode>
void check_message(std::span<const std::byte> bytes, const Decode& decode) {
  fuzz::accepts([&] {
    const auto once = search::encode(decode(bytes));
    fuzz::require(search::encode(decode(once)) == once, "a message reads back as itself");
  });
}

}  // namespace

/// A message between ranks, as a task and as a reply.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_message(fuzz::bytes_of(data, size), search::decode_task);
  check_message(fuzz::bytes_of(data, size), search::decode_reply);
  return 0;
}
