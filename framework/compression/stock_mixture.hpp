// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "framework/model/model.hpp"

namespace pare::framework {

/// The mixtures of block formats that llama.cpp's llama-quantize makes when it is asked for "Q4_K_M" and the like: a type
/// a tensor by fixed rules of its kind and its block's number. They are what users of llama.cpp would take without a
/// search. The rules are those of llama_tensor_get_type (llama.cpp 2026, src/llama-quant.cpp) for dense models of llama,
/// mistral, qwen2, qwen3, tensors of blocks only; with n blocks, from 0:
///
///             all           attn_v                    ffn_down              attn_output
///   Q2_K      q2_k          q4_k (heads >= 4 x kv     q3_k                  q3_k
///                           heads), else q3_k
///   Q2_K_S    q2_k          q4_k (the same), else     first n/8 q4_k        -
///                           q2_k
///   Q3_K_S    q3_k          -                         -                     -
///   Q3_K_M    q3_k          first 2 q5_k, else q4_k   first n/16 q5_k,      q4_k
///                                                     else q4_k
///   Q3_K_L    q3_k          q5_k                      q5_k                  q5_k
///   Q4_K_S    q4_k          first 4 q5_k              first n/8 q5_k        -
///   Q4_K_M    q4_k          q6_k where i < n/8,       the same              -
///                           i >= 7n/8 or
///                           (i - n/8) % 3 == 2
///   Q5_K_S    q5_k          -                         -                     -
///   Q5_K_M    q5_k          as Q4_K_M                 as Q4_K_M             -
///   Q6_K      q6_k          -                         -                     -
///
/// In models of 80 blocks with fewer kv heads than heads ("70B"; every qwen2 of 80) an attn_v of q3_k or q4_k gets q5_k.
/// Inputs that 256 does not divide get q4_0 for q2_k and q3_k (iq4_nl before 2026, of the same size), q5_0 for q4_k, q5_1
/// for q5_k, q8_0 for q6_k; inputs that 32 does not divide either stay at 16 bits.
std::vector<std::string> stock_mixtures();

/// "Q4_K_M". Upper case: "q2_k" is a block format, "Q2_K" a mixture.
bool is_stock_mixture(const std::string& name);

/// The options by which a linear gets what a mixture gives it, most wanted first: with an importance matrix before
/// without, since llama-quantize takes one, too. EXPECTs a stock mixture.
std::vector<std::string> mixture_options(const std::string& mixture, const ModelConfig& config, const Linear& linear);

}  // namespace pare::framework
