// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "framework/config/utf8.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/io/tensor_read.hpp"
#include "framework/model/gguf_layout.hpp"
#include "framework/model/model_weights.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/expand_blocks.hpp"

namespace pare::framework {
namespace {

/// The types that checkpoints have, too.
std::optional<StoredType> stored_type_of(GgmlType type) {
  if (type == GgmlType::f32) return StoredType::f32;
  if (type == GgmlType::f16) return StoredType::f16;
  if (type == GgmlType::bf16) return StoredType::bf16;
  return std::nullopt;
}

std::span<float> values_of(kernels::Matrix<float>& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

class GgufWeights : public ModelWeights {
 public:
  GgufWeights(GgufFile file, const ModelConfig& config, const std::vector<Stage>& stages)
      : file_(std::move(file)), architecture_(config.model_type), head_dim_(config.head_dim) {
    std::set<std::string> names{"rope_freqs.weight"};
    for (const ModelTensor& expected : model_tensors(config, stages)) {
      check(expected);
      names.insert(gguf_name(expected.name));
    }
    for (const GgufTensor& tensor : file_.tensors())
      VALIDATE(names.contains(tensor.name), describe(tensor), " does not belong to a ", architecture_, " model with ",
               config.layers, " layers as its keys describe it");
    Hasher hasher;
    hasher.update(MappedFile(file_.path()).bytes());
    hash_ = hasher.hex();
  }

  std::vector<std::filesystem::path> files() const override { return {file_.path()}; }
  const std::string& hash() const override { return hash_; }

  bool is_quantized() const override {
    return std::any_of(file_.tensors().begin(), file_.tensors().end(),
                       [](const GgufTensor& tensor) { return !stored_type_of(tensor.type); });
  }

  std::int64_t stored_bytes(const Linear& linear) const override {
    return file_.at(gguf_name(linear.name + ".weight")).bytes;
  }

  std::int64_t total_bytes() const override {
    std::int64_t bytes = 0;
    for (const GgufTensor& tensor : file_.tensors()) bytes += tensor.bytes;
    return bytes;
  }

  void read_matrix(const std::string& name, kernels::Matrix<float>& out) const override {
    const GgufTensor& tensor = file_.at(gguf_name(name));
    out.reshape(tensor.shape.at(0), tensor.shape.at(1));
    if (!has_paired_rows(architecture_, name)) return expand(tensor, out);
    kernels::Matrix<float> paired(out.rows(), out.cols());
    expand(tensor, paired);
    unpair_rows(std::as_bytes(values_of(paired)), out.cols() * static_cast<std::int64_t>(sizeof(float)), head_dim_,
                std::as_writable_bytes(values_of(out)));
  }

  std::vector<float> read_vector(const std::string& name) const override {
    const GgufTensor& tensor = file_.at(gguf_name(name));
    std::vector<float> values(static_cast<std::size_t>(tensor.shape.at(0)));
    read_tensor(*stored_type_of(tensor.type), file_.bytes(tensor), values);
    if (!has_paired_rows(architecture_, name)) return values;
    std::vector<float> rows(values.size());
    unpair_rows(std::as_bytes(std::span(values)), sizeof(float), head_dim_, std::as_writable_bytes(std::span(rows)));
    return rows;
  }

  void read_weight(const Linear& linear, kernels::Matrix<float>& out) const override {
    read_matrix(linear.name + ".weight", out);
  }

  kernels::LinearWeights load_linear(const Linear& linear, kernels::Precision precision,
                                     kernels::Matrix<float>& buffer) const override {
    read_weight(linear, buffer);
    return kernels::LinearWeights::from_float(buffer.view(), precision);
  }

 private:
  std::string describe(const GgufTensor& tensor) const {
    return file_.path().string() + ": tensor '" + printable(tensor.name) + "'";
  }

  void check(const ModelTensor& expected) const {
    const GgufTensor& tensor = file_.at(gguf_name(expected.name));
    VALIDATE(tensor.shape == expected.shape, describe(tensor), ": shape ", shape_text(tensor.shape),
             ", the keys make it ", shape_text(expected.shape));
    const auto stored = stored_type_of(tensor.type);
    const bool is_matrix = expected.shape.size() == 2;
    VALIDATE(
        stored || (is_matrix && block_format_of(tensor.type)), describe(tensor), ": type ", to_string(tensor.type),
        " is not supported",
        is_matrix ? " (supported: F32, F16, BF16 and the blocks of `pare options`)" : " (supported: F32, F16, BF16)");
    const auto bad = stored ? first_not_finite(*stored, file_.bytes(tensor)) : std::nullopt;
    VALIDATE(!bad, describe(tensor), ": the weight at index ", *bad, " is not finite");
  }

  void expand(const GgufTensor& tensor, kernels::Matrix<float>& out) const {
    if (const auto stored = stored_type_of(tensor.type))
      return read_tensor(*stored, file_.bytes(tensor), values_of(out));
    kernels::expand_blocks(*block_format_of(tensor.type), out.rows(), out.cols(), file_.bytes(tensor), out.view());
  }

  GgufFile file_;
  std::string architecture_;
  std::int64_t head_dim_;
  std::string hash_;
};

}  // namespace

std::unique_ptr<ModelWeights> gguf_weights(GgufFile file, const ModelConfig& config, const std::vector<Stage>& stages) {
  return std::make_unique<GgufWeights>(std::move(file), config, stages);
}

}  // namespace pare::framework
