// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

namespace pare::framework {

/// Seconds a GPU spent in kernels and copies while `body` ran, by what they are for ("int8 products", "expansion", ...), as
/// CUPTI traces them. Waits for the GPU. Empty without CUPTI. For one thread of a process.
std::map<std::string, double> kernel_times(const std::function<void()>& body);

}  // namespace pare::framework
