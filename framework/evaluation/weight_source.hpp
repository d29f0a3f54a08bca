// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/compression/site.hpp"
#include "framework/model/model.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// The option index that stands for the checkpoint's own weights, whether or not a site offers w16.
inline constexpr std::uint8_t full_precision_option = 255;

/// Hands out the linears of a stage under given options, expanded from the bank and rearranged for the GEMM. What was
/// expanded is kept until the cache is full, the least recently used going first. One object a thread.
class WeightSource {
 public:
  /// bank may be null when only full_precision_option is asked for. cache_bytes: how much expanded weight may be kept
  /// beyond the stage in use.
  WeightSource(const Model& model, const std::vector<Site>& sites, const LayerBank* bank, kernels::Precision precision,
               std::int64_t cache_bytes);

  /// Sites of a stage are contiguous: [first_site[stage], first_site[stage + 1]).
  const std::vector<std::size_t>& first_site() const { return first_site_; }

  /// options: one a site of this stage. The pointers stay valid until the next call.
  const StageLinears& stage(std::size_t stage, const std::uint8_t* options);

 private:
  using Key = std::tuple<std::size_t, std::size_t, std::uint8_t>;  ///< site, linear of the site, option
  struct Ready {
    kernels::LinearWeights weights;
    std::vector<float> bias;  ///< only where outputs were taken away
  };
  struct Cached {
    Key key;
    std::shared_ptr<const Ready> ready;
  };

  std::shared_ptr<const Ready> get(const Key& key);
  Ready expand(const Key& key);
  bool is_dropped(std::size_t stage, const std::uint8_t* options) const;
  void evict();

  const Model& model_;
  const std::vector<Site>& sites_;
  const LayerBank* bank_;
  kernels::Precision precision_;
  std::int64_t cache_bytes_;
  std::vector<std::size_t> first_site_;

  std::list<Cached> recent_;  ///< most recently used first
  std::map<Key, std::list<Cached>::iterator> index_;
  std::int64_t cached_bytes_ = 0;
  std::vector<std::shared_ptr<const Ready>> in_use_;
  StageLinears linears_;
  kernels::Matrix<float> expanded_;
};

}  // namespace pare::framework
