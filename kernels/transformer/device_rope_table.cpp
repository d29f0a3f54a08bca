// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/rope.hpp"

namespace pare::kernels {

DeviceRopeTable::DeviceRopeTable(const RopeTable& table, const Stream& stream)
    : cosines_(on_device(MatrixView<const float>(table.cosines(0), table.positions(), table.half()), stream)),
      sines_(on_device(MatrixView<const float>(table.sines(0), table.positions(), table.half()), stream)) {}

}  // namespace pare::kernels
