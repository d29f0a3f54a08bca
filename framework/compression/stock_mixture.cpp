// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/stock_mixture.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// use_more_bits of llama.cpp.
bool gets_more_bits(std::int64_t block, std::int64_t blocks) {
  return block < blocks / 8 || block >= 7 * blocks / 8 || (block - blocks / 8) % 3 == 2;
}

bool is_70b(const ModelConfig& config) {
  if (config.layers != 80) return false;
  return config.model_type == "qwen2" || (config.model_type != "qwen3" && config.heads != config.kv_heads);
}

std::string of_values(const std::string& mixture, const ModelConfig& config, std::int64_t block) {
  const bool few_kv_heads = config.heads / config.kv_heads >= 4;
  std::string type = mixture.substr(0, 4);  // "Q4_K"
  if (mixture == "Q2_K") type = few_kv_heads ? "Q4_K" : "Q3_K";
  if (mixture == "Q2_K_S" && few_kv_heads) type = "Q4_K";
  if (mixture == "Q3_K_M") type = block < 2 ? "Q5_K" : "Q4_K";
  if (mixture == "Q3_K_L") type = "Q5_K";
  if (mixture == "Q4_K_S" && block < 4) type = "Q5_K";
  if ((mixture == "Q4_K_M" || mixture == "Q5_K_M") && gets_more_bits(block, config.layers)) type = "Q6_K";
  if (is_70b(config) && (type == "Q3_K" || type == "Q4_K")) type = "Q5_K";
  return type;
}

std::string of_down(const std::string& mixture, std::int64_t block, std::int64_t blocks) {
  if (mixture == "Q2_K") return "Q3_K";
  if (mixture == "Q2_K_S" && block < blocks / 8) return "Q4_K";
  if (mixture == "Q3_K_M") return block < blocks / 16 ? "Q5_K" : "Q4_K";
  if (mixture == "Q3_K_L") return "Q5_K";
  if (mixture == "Q4_K_S" && block < blocks / 8) return "Q5_K";
  if ((mixture == "Q4_K_M" || mixture == "Q5_K_M") && gets_more_bits(block, blocks)) return "Q6_K";
  return mixture.substr(0, 4);
}

std::string of_output(const std::string& mixture) {
  if (mixture == "Q2_K") return "Q3_K";
  if (mixture == "Q3_K_M") return "Q4_K";
  if (mixture == "Q3_K_L") return "Q5_K";
  return mixture.substr(0, 4);
}

std::string type_of(const std::string& mixture, const ModelConfig& config, const Linear& linear) {
  if (linear.kind == "v_proj") return of_values(mixture, config, linear.layer);
  if (linear.kind == "down_proj") return of_down(mixture, linear.layer, config.layers);
  if (linear.kind == "o_proj") return of_output(mixture);
  return mixture.substr(0, 4);
}

/// What the inputs of a layer leave of a type.
std::vector<std::string> formats_of(const std::string& type, std::int64_t inputs) {
  if (inputs % 32 != 0) return {};
  const bool whole = inputs % 256 == 0;
  if (type == "Q2_K") return whole ? std::vector<std::string>{"q2_k"} : std::vector<std::string>{"q4_0", "iq4_nl"};
  if (type == "Q3_K") return whole ? std::vector<std::string>{"q3_k"} : std::vector<std::string>{"q4_0", "iq4_nl"};
  if (type == "Q4_K") return {whole ? "q4_k" : "q5_0"};
  if (type == "Q5_K") return {whole ? "q5_k" : "q5_1"};
  EXPECT(type == "Q6_K", type);
  return {whole ? "q6_k" : "q8_0"};
}

}  // namespace

std::vector<std::string> stock_mixtures() {
  return {"Q2_K", "Q2_K_S", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K"};
}

bool is_stock_mixture(const std::string& name) {
  return std::ranges::count(stock_mixtures(), name) > 0;
}

std::vector<std::string> mixture_options(const std::string& mixture, const ModelConfig& config, const Linear& linear) {
  EXPECT(is_stock_mixture(mixture), mixture);
  std::vector<std::string> options;
  for (const std::string& format : formats_of(type_of(mixture, config, linear), linear.inputs)) {
    options.push_back(format + "-imatrix");
    options.push_back(format);
  }
  if (options.empty()) options.emplace_back("w16");
  return options;
}

}  // namespace pare::framework
