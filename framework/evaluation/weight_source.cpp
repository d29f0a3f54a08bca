// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/weight_source.hpp"

#include <utility>

#include "framework/compression/layer_storage.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/expand.hpp"

namespace pare::framework {

WeightSource::WeightSource(const Model& model, const std::vector<Site>& sites, const LayerBank* bank,
                           kernels::Precision precision, std::int64_t cache_bytes)
    : model_(model),
      sites_(sites),
      bank_(bank),
      precision_(precision),
      cache_bytes_(cache_bytes),
      first_site_(sites_before_stages(model, sites)) {}

bool WeightSource::is_dropped(std::size_t stage, const std::uint8_t* options) const {
  const std::size_t first = first_site_[stage];
  return first < first_site_[stage + 1] && options[0] != full_precision_option &&
         sites_[first].options[options[0]].drop;
}

const StageLinears& WeightSource::stage(std::size_t stage, const std::uint8_t* options) {
  linears_.clear();
  if (is_dropped(stage, options)) return linears_;
  const std::size_t count = model_.stages()[stage].linears.size();
  std::vector<std::shared_ptr<const Ready>> wanted(count);
  for (std::size_t s = first_site_[stage]; s < first_site_[stage + 1]; ++s) {
    const std::uint8_t option = options[s - first_site_[stage]];
    for (std::size_t l = 0; l < sites_[s].linears.size(); ++l) wanted[sites_[s].linears[l]] = get({s, l, option});
  }
  in_use_ = std::move(wanted);
  evict();
  for (const auto& ready : in_use_) linears_.push_back({&ready->weights, ready->bias.empty() ? nullptr : &ready->bias});
  return linears_;
}

std::shared_ptr<const WeightSource::Ready> WeightSource::get(const Key& key) {
  if (const auto found = index_.find(key); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->ready;
  }
  auto ready = std::make_shared<const Ready>(expand(key));
  cached_bytes_ += ready->weights.memory_bytes();
  recent_.push_front({key, ready});
  index_[key] = recent_.begin();
  return ready;
}

WeightSource::Ready WeightSource::expand(const Key& key) {
  const auto [site, linear_of_site, option_index] = key;
  const Linear& linear = model_.stages()[sites_[site].stage].linears[sites_[site].linears[linear_of_site]];
  if (option_index == full_precision_option || sites_[site].options[option_index].keeps_checkpoint()) {
    return {model_.load_linear(linear, precision_, expanded_), {}};
  }
  EXPECT(bank_ != nullptr);
  const Option& option = sites_[site].options[option_index];
  const StoredLayer layer = bank_->layer(site, linear_of_site, option_index);
  std::vector<float> bias;
  if (!layer.notes.kept_outputs.empty()) {
    const std::vector<float> all = model_.read_bias(linear);
    for (const std::int32_t row : layer.notes.kept_outputs) bias.push_back(all[static_cast<std::size_t>(row)]);
  }
  if (option.activation_bits == 8) {
    kernels::Matrix<std::int8_t> codes(layer.shape.outputs, layer.shape.inputs);
    std::vector<float> scales(static_cast<std::size_t>(layer.shape.outputs));
    kernels::expand_int8({option.grid, layer.shape.outputs, layer.shape.inputs, layer.body}, codes.view(), scales);
    return {kernels::LinearWeights::from_int8(codes.view(), scales, {layer.notes.divisors, layer.notes.static_scale}),
            std::move(bias)};
  }
  expand_body(option, layer.shape, layer.body, expanded_);
  if (!layer.notes.divisors.empty()) {
    for (std::int64_t r = 0; r < expanded_.rows(); ++r)
      for (std::int64_t c = 0; c < expanded_.cols(); ++c)
        expanded_.row(r)[c] /= layer.notes.divisors[static_cast<std::size_t>(c)];
  }
  return {kernels::LinearWeights::from_float(expanded_.view(), precision_), std::move(bias)};
}

void WeightSource::evict() {
  while (cached_bytes_ > cache_bytes_ && !recent_.empty()) {
    cached_bytes_ -= recent_.back().ready->weights.memory_bytes();
    index_.erase(recent_.back().key);
    recent_.pop_back();
  }
}

}  // namespace pare::framework
