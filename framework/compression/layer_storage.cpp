// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/layer_storage.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>

#include "framework/calibration/stage_calibrator.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/prune/sparse_layout.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/expand_blocks.hpp"

namespace pare::framework {
namespace {

constexpr std::int64_t channel_step = 32;  // whole groups, blocks and tiles stay

bool loses_outputs(const Option& option, const Stage& stage, std::size_t linear) {
  return option.keep_percent < 100 && linear != input_readers(stage).back();
}

struct NoteSizes {
  std::int64_t divisors = 0;
  std::int64_t scale = 0;
  std::int64_t kept = 0;

  std::int64_t bytes() const { return 4 * (divisors + scale + kept); }
};

NoteSizes note_sizes(const Option& option, const Stage& stage, std::size_t linear, const LayerShape& shape) {
  if (option.drop) return {};
  return {.divisors = option.scales_inputs() ? shape.inputs : 0,
          .scale = option.static_range ? 1 : 0,
          .kept = loses_outputs(option, stage, linear) && stage.linears[linear].has_bias ? shape.outputs : 0};
}

kernels::SparseLayout sparse_layout_of(const Option& option, const LayerShape& shape) {
  const auto grid = option.weights == Option::Weights::grid ? std::optional(option.grid) : std::nullopt;
  return kernels::sparse_layout(pattern_of(*option.sparsity), grid, shape.outputs, shape.inputs);
}

bool is_sparse(const Option& option) {
  return option.sparsity && !option.sparsity->dense;
}

void expand_bfloat16(std::span<const std::byte> body, kernels::MatrixView<float> out) {
  for (std::int64_t i = 0; i < out.rows * out.cols; ++i) {
    kernels::BFloat16 value;
    std::memcpy(&value, body.data() + i * 2, 2);
    out.data[i] = to_float(value);
  }
}

std::int64_t nearest_steps(int percent, std::int64_t steps) {
  return std::max<std::int64_t>(1, std::llrint(percent / 100.0 * static_cast<double>(steps)));
}

/// What takes at least one of `steps` away.
std::string remedy(std::int64_t steps) {
  if (steps == 1) return ", one alone can only be dropped: use drop";
  int percent = 99;
  while (nearest_steps(percent, steps) == steps) --percent;
  return ", use at most keep-" + std::to_string(percent) + "%";
}

template <class T>
std::span<const std::byte> take(std::span<const std::byte> bytes, std::int64_t count, std::vector<T>& values) {
  values.resize(static_cast<std::size_t>(count));
  if (count > 0) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return bytes.subspan(values.size() * sizeof(T));
}

template <class T>
std::span<std::byte> put(const std::vector<T>& values, std::span<std::byte> bytes) {
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size() * sizeof(T));
  return bytes.subspan(values.size() * sizeof(T));
}

}  // namespace

std::int64_t kept_units(const Option& option, const Model& model, const Stage& stage) {
  const bool attention = stage.kind == StageKind::attention;
  const std::int64_t units = attention ? model.config().kv_heads : model.config().intermediate;
  const std::int64_t step = !attention && units % channel_step == 0 ? channel_step : 1;
  const std::int64_t kept = nearest_steps(option.keep_percent, units / step) * step;
  VALIDATE(kept < units, "keep-", option.keep_percent, "% of ", units, attention ? " KV head groups" : " channels",
           " takes none away", remedy(units / step));
  return kept;
}

LayerShape stored_shape(const Option& option, const Model& model, const Stage& stage, std::size_t linear) {
  LayerShape shape{stage.linears[linear].outputs, stage.linears[linear].inputs};
  if (option.keep_percent == 100) return shape;
  const std::int64_t kept = kept_units(option, model, stage);
  const std::int64_t units = stage.kind == StageKind::attention ? model.config().kv_heads : model.config().intermediate;
  std::int64_t& side = loses_outputs(option, stage, linear) ? shape.outputs : shape.inputs;
  side = side / units * kept;
  return shape;
}

kernels::SparsityPattern pattern_of(const Sparsity& sparsity) {
  using Compare = kernels::SparsityPattern::Compare;
  return {.kept = sparsity.kept,
          .of = sparsity.of,
          .ratio = sparsity.of > 0 ? 0.0 : sparsity.percent / 100.0,
          .compare = sparsity.method == Sparsity::Method::wanda ? Compare::row : Compare::layer};
}

std::int64_t body_bytes(const Option& option, const LayerShape& shape) {
  if (option.drop) return 0;
  if (option.sparsity) {  // dense storage must be able to hold the pattern, too
    const std::int64_t bytes = sparse_layout_of(option, shape).total_bytes;
    if (is_sparse(option)) return bytes;
  }
  switch (option.weights) {
    case Option::Weights::grid:
      return kernels::packed_layout(option.grid, shape.outputs, shape.inputs).total_bytes;
    case Option::Weights::blocks:
      return kernels::blocks_bytes(option.block, shape.outputs, shape.inputs);
    case Option::Weights::original:
      break;
  }
  return shape.outputs * shape.inputs * 2;
}

std::int64_t stored_bytes(const Option& option, const Model& model, const Stage& stage, std::size_t linear) {
  const LayerShape shape = stored_shape(option, model, stage, linear);
  return note_sizes(option, stage, linear, shape).bytes() + body_bytes(option, shape);
}

std::span<std::byte> write_notes(const LayerNotes& notes, std::span<std::byte> stored) {
  stored = put(notes.divisors, stored);
  if (notes.static_scale > 0) stored = put(std::vector<float>{notes.static_scale}, stored);
  return put(notes.kept_outputs, stored);
}

StoredLayer open_layer(const Option& option, const Model& model, const Stage& stage, std::size_t linear,
                       std::span<const std::byte> stored) {
  StoredLayer layer{.shape = stored_shape(option, model, stage, linear), .notes = {}, .body = {}};
  const NoteSizes sizes = note_sizes(option, stage, linear, layer.shape);
  const std::int64_t expected = sizes.bytes() + body_bytes(option, layer.shape);
  VALIDATE(static_cast<std::int64_t>(stored.size()) == expected, stage.linears[linear].name, " under ", option.name(),
           " has ", stored.size(), " bytes in the bank, it must have ", expected);
  std::vector<float> scale;
  stored = take(stored, sizes.divisors, layer.notes.divisors);
  stored = take(stored, sizes.scale, scale);
  if (!scale.empty()) layer.notes.static_scale = scale.front();
  layer.body = take(stored, sizes.kept, layer.notes.kept_outputs);
  for (const std::int32_t row : layer.notes.kept_outputs) {
    VALIDATE(row >= 0 && row < stage.linears[linear].outputs, stage.linears[linear].name, " under ", option.name(),
             ": row ", row, " does not exist");
  }
  return layer;
}

void expand_body(const Option& option, const LayerShape& shape, std::span<const std::byte> body,
                 kernels::Matrix<float>& out) {
  out.reshape(shape.outputs, shape.inputs);
  if (is_sparse(option)) {
    kernels::expand_sparse(sparse_layout_of(option, shape), body, out.view());
  } else if (option.weights == Option::Weights::grid) {
    kernels::expand({option.grid, shape.outputs, shape.inputs, body}, out.view());
  } else if (option.weights == Option::Weights::blocks) {
    kernels::expand_blocks(option.block, shape.outputs, shape.inputs, body, out.view());
  } else {
    expand_bfloat16(body, out.view());
  }
}

}  // namespace pare::framework
