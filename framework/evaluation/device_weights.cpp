// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_weights.hpp"

#include <algorithm>
#include <utility>

#include "framework/evaluation/weight_source.hpp"
#include "kernels/quantize/divide_columns.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/expand_blocks.hpp"

namespace pare::framework {
namespace {

using kernels::BFloat16;
using kernels::DeviceView;

DeviceView<BFloat16> dense_at(std::byte* place, std::int64_t outputs, std::int64_t inputs) {
  return {reinterpret_cast<BFloat16*>(place), outputs, inputs, padded_stride(inputs, 2)};
}

}  // namespace

DeviceWeights::DeviceWeights(const Model& model, const StageRange& stages, const std::vector<Site>& sites,
                             const LayerBank& bank, const kernels::Stream& stream, const DeviceMemorySizes& sizes)
    : model_(model),
      sites_(sites),
      stream_(stream),
      first_site_(sites_before_stages(model, sites)),
      packed_(sizes.bank, stream),
      full_(sizes.full, stream),
      expanded_(1, sizes.expanded),
      scratch_(1, sizes.scratch / static_cast<std::int64_t>(sizeof(float))) {
  for (std::size_t site = 0; site < sites.size(); ++site) {
    if (!stages.has(sites[site].stage)) continue;
    for (const std::uint8_t o : bank.sound_options(site)) {
      const Option& option = sites[site].options[o];
      if (option.drop) continue;
      for (std::size_t l = 0; l < sites[site].linears.size(); ++l) {
        if (option.keeps_checkpoint()) {
          const DeviceView<const BFloat16> weight = put_full(linear_of(site, l));
          resident_[{site, l, o}].weight = weight;
          resident_[{site, l, full_precision_option}].weight = weight;
        } else {
          resident_[{site, l, o}] = put(option, bank.layer(site, l, o), linear_of(site, l));
        }
      }
    }
  }
}

const Linear& DeviceWeights::linear_of(std::size_t site, std::size_t linear) const {
  return model_.stages()[sites_[site].stage].linears[sites_[site].linears[linear]];
}

DeviceView<const BFloat16> DeviceWeights::put_full(const Linear& linear) {
  model_.read_weight(linear, read_);
  return full_.put_rows<BFloat16>(rounded(read_.view()).view());
}

DeviceWeights::Resident DeviceWeights::put(const Option& option, const StoredLayer& layer, const Linear& linear) {
  const auto [outputs, inputs] = layer.shape;
  Resident resident;
  switch (device_form(option)) {
    case DeviceForm::grid: {
      const auto bytes = kernels::arrange_for_device({option.grid, outputs, inputs, layer.body});
      const auto there = packed_.put(std::span<const std::byte>(bytes.data(), static_cast<std::size_t>(bytes.size())));
      resident.weight = kernels::device_packed_view(option.grid, outputs, inputs, there.data);
      break;
    }
    case DeviceForm::blocks: {
      const auto there = packed_.put(layer.body);
      resident.weight =
          kernels::DeviceBlocksView{option.block, outputs, inputs, reinterpret_cast<const std::uint8_t*>(there.data)};
      break;
    }
    case DeviceForm::dense:
      expand_body(option, layer.shape, layer.body, read_);
      resident.weight = packed_.put_rows<BFloat16>(rounded(read_.view()).view());
      break;
  }
  resident.is_int8 = option.activation_bits == 8;
  resident.static_scale = layer.notes.static_scale;
  if (!layer.notes.divisors.empty()) resident.divisors = packed_.put(std::span<const float>(layer.notes.divisors));
  if (!layer.notes.kept_outputs.empty()) {
    const std::vector<float> all = model_.read_bias(linear);
    std::vector<float> kept;
    for (const std::int32_t row : layer.notes.kept_outputs) kept.push_back(all[static_cast<std::size_t>(row)]);
    resident.bias = put_bias(kept, packed_);
  }
  return resident;
}

const std::vector<DeviceLinear>& DeviceWeights::stage(std::size_t stage, const std::uint8_t* options) {
  const std::span<const std::uint8_t> wanted(options, first_site_[stage + 1] - first_site_[stage]);
  if (ready_stage_ == stage && std::ranges::equal(wanted, ready_options_)) return linears_;
  ready_stage_.reset();
  linears_.clear();
  expand_stage(stage, wanted);
  ready_stage_ = stage;
  ready_options_.assign(wanted.begin(), wanted.end());
  return linears_;
}

void DeviceWeights::expand_stage(std::size_t stage, std::span<const std::uint8_t> options) {
  const std::size_t first = first_site_[stage];
  if (!options.empty() && options[0] != full_precision_option && sites_[first].options[options[0]].drop) return;
  const std::vector<Linear>& linears = model_.stages()[stage].linears;
  linears_.resize(linears.size());
  DeviceLayout places;
  std::vector<std::byte*> place;
  for (const Linear& linear : linears)
    place.push_back(expanded_.data() + places.take(ready_bytes({linear.outputs, linear.inputs})));
  for (std::size_t s = first; s < first_site_[stage + 1]; ++s) {
    const std::uint8_t option = options[s - first];
    for (std::size_t l = 0; l < sites_[s].linears.size(); ++l) {
      const std::size_t linear = sites_[s].linears[l];
      const auto found = resident_.find({s, l, option});
      if (found == resident_.end()) {
        EXPECT(option == full_precision_option, sites_[s].name, " under option ", int{option});
        linears_[linear] = from_host(linears[linear], place[linear]);
      } else {
        linears_[linear] = ready(found->second, place[linear]);
      }
    }
  }
}

DeviceLinear DeviceWeights::from_host(const Linear& linear, std::byte* place) {
  model_.read_weight(linear, read_);
  const kernels::Matrix<BFloat16> weight = rounded(read_.view());
  const DeviceView<BFloat16> there = dense_at(place, linear.outputs, linear.inputs);
  kernels::copy_to_device<BFloat16>(weight.view(), there, stream_);
  stream_.synchronize();
  DeviceLinear result;
  result.dense = there;
  return result;
}

DeviceLinear DeviceWeights::ready(const Resident& resident, std::byte* place) {
  DeviceLinear result;
  if (!resident.bias.exact.empty()) result.bias = &resident.bias;
  if (resident.is_int8) {
    const auto& packed = std::get<kernels::DevicePackedView>(resident.weight);
    const DeviceView<std::int8_t> codes(reinterpret_cast<std::int8_t*>(place), packed.rows, packed.cols,
                                        padded_stride(packed.cols, 1));
    DeviceLayout behind;
    behind.take(codes.rows * codes.stride);
    const kernels::DeviceSpan<float> scales{reinterpret_cast<float*>(place + behind.bytes()), packed.rows};
    kernels::expand_int8(packed, codes, scales, stream_);
    result.codes = codes;
    result.scales = scales;
    result.input = {resident.divisors, resident.static_scale};
    return result;
  }
  if (const auto* dense = std::get_if<DeviceView<const BFloat16>>(&resident.weight)) {
    result.dense = *dense;
    return result;
  }
  if (const auto* packed = std::get_if<kernels::DevicePackedView>(&resident.weight)) {
    const DeviceView<BFloat16> weight = dense_at(place, packed->rows, packed->cols);
    if (resident.divisors.empty()) {
      kernels::expand(*packed, weight, stream_);
    } else {
      const DeviceView<float> exact(scratch_.data(), packed->rows, packed->cols);
      kernels::expand(*packed, exact, stream_);
      kernels::divide_columns(exact, resident.divisors, weight, stream_);
    }
    result.dense = weight;
    return result;
  }
  const auto& blocks = std::get<kernels::DeviceBlocksView>(resident.weight);
  const DeviceView<BFloat16> weight = dense_at(place, blocks.rows, blocks.cols);
  kernels::expand_blocks(blocks, weight, stream_);
  result.dense = weight;
  return result;
}

}  // namespace pare::framework
