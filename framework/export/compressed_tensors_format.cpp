// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "framework/compression/target.hpp"
#include "framework/export/model_format.hpp"
#include "framework/model/quantization_config.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/grid.hpp"
#include "kernels/quantize/packed_words.hpp"

namespace pare::framework {
namespace {

using Bytes = std::vector<std::byte>;
using kernels::PackedLayout;

/// The file's own padding apart, the rows are the bank's.
Bytes pack_codes(const ExportLayer& layer, const PackedLayout& layout) {
  const std::int64_t row_bytes = kernels::packed_words(layer.option.grid.bits, layout.cols) * 4;
  Bytes words(static_cast<std::size_t>(layout.rows * row_bytes), std::byte{0});
  for (std::int64_t r = 0; r < layout.rows; ++r) {
    std::memcpy(words.data() + r * row_bytes,
                layer.stored->body.data() + layout.codes_offset + r * layout.codes_row_bytes,
                static_cast<std::size_t>(layout.codes_row_bytes));
  }
  return words;
}

/// Packed along the outputs, a column a group.
Bytes pack_zeros(const ExportLayer& layer, const PackedLayout& layout) {
  const int bits = layer.option.grid.bits;
  std::vector<std::uint8_t> zeros(static_cast<std::size_t>(layout.rows * layout.groups));
  for (std::int64_t r = 0; r < layout.rows; ++r) {
    kernels::unpack_codes(bits, layer.stored->body.data() + layout.zeros_offset + r * layout.zeros_row_bytes,
                          layout.groups, zeros.data() + r * layout.groups);
  }
  Bytes words(static_cast<std::size_t>(kernels::packed_words(bits, layout.rows) * layout.groups) * 4);
  std::vector<std::uint8_t> column(static_cast<std::size_t>(layout.rows));
  for (std::int64_t g = 0; g < layout.groups; ++g) {
    for (std::int64_t r = 0; r < layout.rows; ++r)
      column[static_cast<std::size_t>(r)] = zeros[static_cast<std::size_t>(r * layout.groups + g)];
    kernels::pack_words(bits, column.data(), layout.rows, layout.groups, words.data() + g * 4);
  }
  return words;
}

/// Codes as signed bytes.
Bytes int8_codes(const ExportLayer& layer, const PackedLayout& layout) {
  Bytes codes(static_cast<std::size_t>(layout.rows * layout.cols));
  for (std::int64_t r = 0; r < layout.rows; ++r) {
    auto* row = reinterpret_cast<std::uint8_t*>(codes.data()) + r * layout.cols;
    kernels::unpack_codes(8, layer.stored->body.data() + layout.codes_offset + r * layout.codes_row_bytes, layout.cols,
                          row);
    for (std::int64_t c = 0; c < layout.cols; ++c) row[c] = static_cast<std::uint8_t>(row[c] - 128);
  }
  return codes;
}

template <class T>
Bytes bytes_of_values(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Bytes make_tensor(const ExportLayer& layer, const std::string& suffix) {
  const PackedLayout layout =
      kernels::packed_layout(layer.option.grid, layer.stored->shape.outputs, layer.stored->shape.inputs);
  if (suffix == "weight_packed") return pack_codes(layer, layout);
  if (suffix == "weight_zero_point") return pack_zeros(layer, layout);
  if (suffix == "weight") return int8_codes(layer, layout);
  if (suffix == "weight_shape") return bytes_of_values<std::int64_t>({layout.rows, layout.cols});
  if (suffix == "input_scale") return bytes_of_values<float>({layer.stored->notes.static_scale});
  EXPECT(suffix == "weight_scale", suffix);
  const auto scales = layer.stored->body.first(static_cast<std::size_t>(layout.grid_rows * layout.groups) * 2);
  return {scales.begin(), scales.end()};
}

/// Nothing: the weights stay floating-point numbers.
std::optional<WeightScheme> scheme_of(const Option& option) {
  using Scale = WeightScheme::Scale;
  using Input = WeightScheme::Input;
  if (option.weights != Option::Weights::grid) return std::nullopt;
  const bool int8 = option.activation_bits == 8;
  return WeightScheme{.bits = option.grid.bits,
                      .symmetric = option.grid.symmetric,
                      .packed = !int8,
                      .scale = option.grid.tensor            ? Scale::tensor
                               : option.grid.group_size == 0 ? Scale::channel
                                                             : Scale::group,
                      .group_size = option.grid.group_size,
                      .input = !int8                 ? Input::as_is
                               : option.static_range ? Input::tensor
                                                     : Input::token};
}

/// An engine that runs linears as one takes the first one's scheme for all of them.
std::optional<std::string> refused_fused_sets(const std::vector<ExportLayer>& layers) {
  for (const auto& fused : ties_of(Target::vllm)) {
    const auto is_member = [&](const ExportLayer& layer) {
      return std::find(fused.begin(), fused.end(), layer.linear->kind) != fused.end();
    };
    for (const ExportLayer& a : layers) {
      for (const ExportLayer& b : layers) {
        const bool together = a.linear->layer == b.linear->layer && is_member(a) && is_member(b);
        if (!together || scheme_of(a.option) == scheme_of(b.option)) continue;
        return a.linear->name + " is '" + a.option.name() + "' and " + b.linear->name + " '" + b.option.name() +
               "', but engines run them as one, search with target: vllm or use --format dense";
      }
    }
  }
  return std::nullopt;
}

class CompressedTensorsFormat : public ModelFormat {
 public:
  std::string name() const override { return "compressed-tensors"; }

  std::optional<std::string> refusal(const std::vector<ExportLayer>& layers) const override {
    for (const ExportLayer& layer : layers) {
      Option option = layer.option;
      option.keep_percent = 100;  // sizes are config.json's
      if (const auto why = framework::refusal(Target::vllm, option)) return layer.linear->name + ": " + *why;
      Linear linear = *layer.linear;
      if (layer.stored) linear.inputs = layer.stored->shape.inputs;
      if (const auto why = framework::refusal(Target::vllm, option, linear)) return layer.linear->name + ": " + *why;
    }
    return refused_fused_sets(layers);
  }

  std::vector<ExportTensor> tensors(const Model&, const ExportLayer& layer) const override {
    const LayerShape shape = layer.stored->shape;
    const auto scheme = scheme_of(layer.option);
    const std::string prefix = layer.linear->name + ".";
    if (!scheme) {  // as the bank has them
      return {{{prefix + "weight", StoredType::bf16, {shape.outputs, shape.inputs}},
               [&layer] { return Bytes(layer.stored->body.begin(), layer.stored->body.end()); }}};
    }
    std::vector<ExportTensor> tensors;
    for (const SchemeTensor& tensor : tensors_of(*scheme, shape.outputs, shape.inputs)) {
      tensors.push_back({{prefix + tensor.suffix, tensor.types.front(), tensor.shape},
                         [&layer, suffix = tensor.suffix] { return make_tensor(layer, suffix); }});
    }
    return tensors;
  }

  void edit_config(const std::vector<ExportLayer>& layers, Json& config) const override {
    std::vector<std::pair<std::string, WeightScheme>> modules;
    std::vector<std::string> ignore;
    for (const ExportLayer& layer : layers) {
      if (const auto scheme = scheme_of(layer.option)) {
        modules.emplace_back(layer.linear->name, *scheme);
      } else {
        ignore.push_back(layer.linear->name);
      }
    }
    if (!modules.empty()) config["quantization_config"] = quantization_json(modules, ignore);
  }
};

}  // namespace

std::unique_ptr<ModelFormat> compressed_tensors_format() {
  return std::make_unique<CompressedTensorsFormat>();
}

}  // namespace pare::framework
