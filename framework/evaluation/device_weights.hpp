// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <variant>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/evaluation/device_arena.hpp"
#include "framework/evaluation/device_memory_plan.hpp"
#include "framework/evaluation/device_tables.hpp"
#include "kernels/quantize/device_blocks.hpp"
#include "kernels/quantize/device_packed.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::framework {

/// A linear ready for its product: bfloat16, or int8 with a scale an output.
struct DeviceLinear {
  kernels::DeviceView<const kernels::BFloat16> dense;  ///< no rows: int8
  kernels::DeviceView<const std::int8_t> codes;
  kernels::DeviceSpan<const float> scales;
  kernels::DeviceInt8Input input;    ///< of int8: how inputs are quantized
  const DeviceBias* bias = nullptr;  ///< in place of the model's own, where outputs were taken away

  bool is_int8() const { return dense.rows == 0; }
  std::int64_t outputs() const { return is_int8() ? codes.rows : dense.rows; }
};

/// WeightSource's twin on a GPU: the packed bank lies in device memory, and the linears of a stage are expanded into one
/// buffer whenever the stage runs. Layers of the full model that no site offers are brought from the host each time: only
/// the teacher runs them. Model, bank and stream must outlive it. One object a thread.
class DeviceWeights {
 public:
  /// Copies what the bank has of these stages and waits for it. sizes: of them in this bank. Throws DeviceMemoryError.
  DeviceWeights(const Model& model, const StageRange& stages, const std::vector<Site>& sites, const LayerBank& bank,
                const kernels::Stream& stream, const DeviceMemorySizes& sizes);

  /// As WeightSource has it.
  const std::vector<std::size_t>& first_site() const { return first_site_; }

  /// options: one a site of this stage. Enqueues the expansion, unless the last call was the same; valid until the next
  /// call. Empty: the stage is dropped.
  const std::vector<DeviceLinear>& stage(std::size_t stage, const std::uint8_t* options);

 private:
  using Key = std::tuple<std::size_t, std::size_t, std::uint8_t>;  ///< site, linear of the site, option
  struct Resident {
    std::variant<kernels::DeviceView<const kernels::BFloat16>, kernels::DevicePackedView, kernels::DeviceBlocksView>
        weight;
    bool is_int8 = false;
    kernels::DeviceSpan<const float> divisors;
    float static_scale = 0.0f;
    DeviceBias bias;
  };

  const Linear& linear_of(std::size_t site, std::size_t linear) const;
  kernels::DeviceView<const kernels::BFloat16> put_full(const Linear& linear);
  Resident put(const Option& option, const StoredLayer& layer, const Linear& linear);
  void expand_stage(std::size_t stage, std::span<const std::uint8_t> options);
  DeviceLinear from_host(const Linear& linear, std::byte* place);
  DeviceLinear ready(const Resident& resident, std::byte* place);

  const Model& model_;
  const std::vector<Site>& sites_;
  const kernels::Stream& stream_;
  std::vector<std::size_t> first_site_;
  DeviceArena packed_, full_;
  kernels::DeviceMatrix<std::byte> expanded_;
  kernels::DeviceMatrix<float> scratch_;
  std::map<Key, Resident> resident_;   ///< the full model's under full_precision_option, where a site offers it
  std::vector<DeviceLinear> linears_;  ///< of the stage and options that are ready
  std::optional<std::size_t> ready_stage_;
  std::vector<std::uint8_t> ready_options_;
  kernels::Matrix<float> read_;
};

}  // namespace pare::framework
