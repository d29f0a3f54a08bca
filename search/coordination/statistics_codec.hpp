// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/calibration/activation_statistics.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {

/// Statistics of an input as part of a message.
void put_statistics(ByteWriter& out, const framework::ActivationStatistics::State& state);
/// Throws InputError when the bytes are no such statistics.
framework::ActivationStatistics get_statistics(ByteReader& in);

}  // namespace pare::search
