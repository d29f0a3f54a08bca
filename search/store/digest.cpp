// SPDX-License-Identifier: Apache-2.0
#include "search/store/digest.hpp"

#include "search/store/byte_codec.hpp"

namespace pare::search {

void TrialDigest::add(const Trial& trial) {
  ByteWriter writer;
  writer.number(trial.id);
  writer.array(std::span(trial.request.recipe));
  writer.number(static_cast<std::uint8_t>(trial.request.set));
  writer.number(trial.request.begin);
  writer.number(trial.request.count);
  writer.array(std::span(trial.kl));
  writer.array(std::span(trial.nll));
  if (!trial.wrong.empty()) writer.array(std::span(trial.wrong));
  hasher_.update(std::span<const std::byte>(writer.bytes()));
}

}  // namespace pare::search
