// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/weight_source.hpp"

#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/quantize/expand.hpp"

namespace pare::framework {

WeightSource::WeightSource(const Model& model, const std::vector<Site>& sites, const LayerBank* bank,
                           kernels::Precision precision, std::int64_t cache_bytes)
    : model_(model), sites_(sites), bank_(bank), precision_(precision), cache_bytes_(cache_bytes) {
  std::size_t site = 0;
  for (std::size_t stage = 0; stage <= model.stages().size(); ++stage) {
    while (site < sites.size() && sites[site].stage < stage) ++site;
    first_site_.push_back(site);
  }
}

const StageLinears& WeightSource::stage(std::size_t stage, const std::uint8_t* options) {
  const std::size_t count = model_.stages()[stage].linears.size();
  std::vector<std::shared_ptr<const kernels::LinearWeights>> wanted(count);
  for (std::size_t s = first_site_[stage]; s < first_site_[stage + 1]; ++s) {
    const std::uint8_t option = options[s - first_site_[stage]];
    for (std::size_t l = 0; l < sites_[s].linears.size(); ++l) wanted[sites_[s].linears[l]] = get({s, l, option});
  }
  in_use_ = std::move(wanted);
  evict();
  linears_.clear();
  for (const auto& weights : in_use_) linears_.push_back(weights.get());
  return linears_;
}

std::shared_ptr<const kernels::LinearWeights> WeightSource::get(const Key& key) {
  if (const auto found = index_.find(key); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->weights;
  }
  auto weights = std::make_shared<const kernels::LinearWeights>(expand(key));
  cached_bytes_ += weights->memory_bytes();
  recent_.push_front({key, weights});
  index_[key] = recent_.begin();
  return weights;
}

kernels::LinearWeights WeightSource::expand(const Key& key) {
  const auto [site, linear_of_site, option] = key;
  const Linear& linear = model_.stages()[sites_[site].stage].linears[sites_[site].linears[linear_of_site]];
  if (option == full_precision_option || sites_[site].options[option].method == Option::Method::keep) {
    model_.read_weight(linear, expanded_);
    return kernels::LinearWeights::from_float(expanded_.view(), precision_);
  }
  EXPECT(bank_ != nullptr);
  const kernels::PackedView packed = bank_->packed(site, linear_of_site, option);
  if (sites_[site].options[option].activation_bits == 8) {
    kernels::Matrix<std::int8_t> codes(linear.outputs, linear.inputs);
    std::vector<float> scales(static_cast<std::size_t>(linear.outputs));
    kernels::expand_int8(packed, codes.view(), scales);
    return kernels::LinearWeights::from_int8(codes.view(), scales);
  }
  expanded_.reshape(linear.outputs, linear.inputs);
  kernels::expand(packed, expanded_.view());
  return kernels::LinearWeights::from_float(expanded_.view(), precision_);
}

void WeightSource::evict() {
  while (cached_bytes_ > cache_bytes_ && !recent_.empty()) {
    cached_bytes_ -= recent_.back().weights->memory_bytes();
    index_.erase(recent_.back().key);
    recent_.pop_back();
  }
}

}  // namespace pare::framework
