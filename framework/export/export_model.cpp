// SPDX-License-Identifier: Apache-2.0
#include "framework/export/export_model.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>

#include "framework/io/atomic_file.hpp"
#include "framework/io/checkpoint.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_name = "model.safetensors.index.json";
constexpr std::uintmax_t largest_copy = std::uintmax_t{256} << 20;

/// What linears of a kind have left; every layer of a model has the same.
std::map<std::string, LayerShape> common_shapes(const std::vector<ExportLayer>& layers) {
  std::map<std::string, LayerShape> shapes;
  for (const ExportLayer& layer : layers) {
    const Linear& linear = *layer.linear;
    VALIDATE(!layer.option.drop, "export: ", linear.name,
             " was dropped, and no config.json can leave out a part of a layer; search without 'drop'");
    const LayerShape shape = layer.stored ? layer.stored->shape : LayerShape{linear.outputs, linear.inputs};
    const auto [known, is_new] = shapes.try_emplace(linear.kind, shape);
    VALIDATE(known->second.outputs == shape.outputs && known->second.inputs == shape.inputs, "export: ", linear.name,
             " has ", shape.outputs, " outputs and ", shape.inputs, " inputs, the same layer of another block ",
             known->second.outputs, " and ", known->second.inputs,
             "; config.json has one size for all blocks, so heads and channels can only go from all of them alike");
  }
  return shapes;
}

void edit_sizes(const Model& model, const std::vector<ExportLayer>& layers, Json& config) {
  const std::map<std::string, LayerShape> shapes = common_shapes(layers);
  const ModelConfig& old = model.config();
  const std::int64_t heads = shapes.at("q_proj").outputs / old.head_dim;
  const std::int64_t kv_heads = shapes.at("k_proj").outputs / old.head_dim;
  if (heads != old.heads || kv_heads != old.kv_heads) {
    config["num_attention_heads"] = heads;
    config["num_key_value_heads"] = kv_heads;
    config["head_dim"] = old.head_dim;
  }
  config["intermediate_size"] = shapes.at("gate_proj").outputs;
}

using LayerIndex = std::map<std::string, const ExportLayer*>;  ///< by name of the linear

/// A tensor of the source: compressed, with fewer rows, or as it is.
std::vector<ExportTensor> tensors_for(const Model& model, const LayerIndex& layers, const ModelFormat& format,
                                      const TensorView& source) {
  const std::string& name = source.info.name;
  const auto module = layers.find(name.substr(0, name.rfind('.')));
  const ExportLayer* layer = module != layers.end() && module->second->stored ? module->second : nullptr;
  if (layer != nullptr && name.ends_with(".weight")) return format.tensors(model, *layer);
  const auto bytes = source.bytes;
  if (layer != nullptr && name.ends_with(".bias") && !layer->stored->notes.kept_outputs.empty()) {
    const std::vector<std::int32_t>& rows = layer->stored->notes.kept_outputs;
    const std::int64_t width = bytes_of(source.info.type);
    return {{{name, source.info.type, {static_cast<std::int64_t>(rows.size())}}, [bytes, &rows, width] {
               std::vector<std::byte> kept(rows.size() * static_cast<std::size_t>(width));
               for (std::size_t i = 0; i < rows.size(); ++i)
                 std::memcpy(kept.data() + i * static_cast<std::size_t>(width), bytes.data() + rows[i] * width,
                             static_cast<std::size_t>(width));
               return kept;
             }}};
  }
  return {{{name, source.info.type, source.info.shape},
           [bytes] { return std::vector<std::byte>(bytes.begin(), bytes.end()); }}};
}

/// Tensors by the name of the file that they go to.
std::map<std::string, std::vector<ExportTensor>> plan_files(const Model& model, const Checkpoint& source,
                                                            const LayerIndex& layers, const ModelFormat& format) {
  std::map<std::string, std::vector<ExportTensor>> files;
  for (const std::string& name : source.names()) {
    const TensorView tensor = source.at(name);
    std::vector<ExportTensor>& file = files[tensor.file.filename().string()];
    for (ExportTensor& each : tensors_for(model, layers, format, tensor)) file.push_back(std::move(each));
  }
  for (auto& [name, tensors] : files)
    std::ranges::sort(tensors, [](const auto& a, const auto& b) { return comes_before(a.spec, b.spec); });
  return files;
}

bool is_weight_file(const fs::path& file) {
  for (const char* suffix : {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".index.json"})
    if (file.filename().string().ends_with(suffix)) return true;
  return false;
}

/// Tokenizer, generation settings, licence: whatever is small and no weights.
void copy_others(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    const bool wanted = entry.is_regular_file() && entry.file_size() <= largest_copy && name != "config.json" &&
                        !name.string().starts_with('.') && !is_weight_file(name);
    if (!wanted) continue;
    std::error_code error;
    fs::copy_file(entry.path(), to / name, error);
    VALIDATE(!error, (to / name).string(), ": cannot be written (", error.message(), ")");
  }
}

}  // namespace

std::unique_ptr<ModelFormat> format_named(const std::string& name) {
  if (name == "dense") return dense_format();
  return name == "compressed-tensors" ? compressed_tensors_format() : nullptr;
}

void check_exportable(const Model& model, const std::vector<ExportLayer>& layers, const ModelFormat& format) {
  static_cast<void>(common_shapes(layers));
  VALIDATE(fs::is_directory(model.directory()), "--format ", format.name(), ": ", model.directory().string(),
           " is a GGUF file, from which only GGUF files are made, use --format gguf");
  VALIDATE(!model.is_quantized(), model.directory().string(),
           ": is quantized already, a search for an export begins at the original checkpoint");
  const auto why = format.refusal(layers);
  VALIDATE(!why, "--format ", format.name(), ": ", why.value_or(""));
}

ExportedBytes export_model(const Model& model, const std::vector<ExportLayer>& layers, const ModelFormat& format,
                           const fs::path& directory, const std::function<void(std::int64_t, std::int64_t)>& progress) {
  check_exportable(model, layers, format);
  const Checkpoint source(model.directory());
  LayerIndex index;
  for (const ExportLayer& layer : layers) index[layer.linear->name] = &layer;

  ExportedBytes bytes;
  Json weight_map = Json::object();
  const auto files = plan_files(model, source, index, format);
  std::int64_t expected = 0;
  for (const auto& [name, tensors] : files)
    for (const ExportTensor& tensor : tensors) expected += tensor.spec.bytes();
  for (const auto& [name, tensors] : files) {
    std::vector<TensorSpec> specs;
    for (const ExportTensor& tensor : tensors) specs.push_back(tensor.spec);
    SafetensorsWriter writer(directory / name, specs);
    for (const ExportTensor& tensor : tensors) {
      writer.write(tensor.make());
      const std::string& full = tensor.spec.name;
      const std::int64_t size = tensor.spec.bytes();
      if (index.contains(full.substr(0, full.rfind('.'))) && !full.ends_with(".bias")) bytes.layers += size;
      bytes.total += size;
      weight_map[full] = name;
      progress(bytes.total, expected);
    }
    writer.finish();
  }
  if (source.main_file().filename() == index_name) {
    const Json document{{"metadata", {{"total_size", bytes.total}}}, {"weight_map", weight_map}};
    write_file_atomically(directory / index_name, document.dump(2) + "\n");
  }
  Json config = parse_json_file(model.directory() / "config.json");
  edit_sizes(model, layers, config);
  format.edit_config(layers, config);
  write_file_atomically(directory / "config.json", config.dump(2) + "\n");
  copy_others(model.directory(), directory);
  return bytes;
}

}  // namespace pare::framework
