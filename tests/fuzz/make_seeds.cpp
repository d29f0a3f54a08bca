// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <span>
#include <utility>

#include "framework/data/window_file.hpp"
#include "framework/io/event_file.hpp"
#include "framework/io/gguf_writer.hpp"
#include "framework/io/h5_file.hpp"
#include "search/coordination/protocol.hpp"
#include "search/store/journal_format.hpp"
#include "search/store/records.hpp"
#include "search/store/run_file.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/search/store/small_run.hpp"

/// make_seeds DIR: writes DIR/<target>/<name>, inputs from which fuzzing starts, for the formats that pare itself
/// writes. They are made anew for every build, so that they always have the current version.
namespace {

using namespace pare;
namespace fs = std::filesystem;

using Bytes = std::vector<std::byte>;

class Seeds {
 public:
  explicit Seeds(fs::path directory) : directory_(std::move(directory)) {}

  fs::path path(const std::string& target, const std::string& name) const {
    fs::create_directories(directory_ / target);
    return directory_ / target / name;
  }

  void write(const std::string& target, const std::string& name, const Bytes& bytes) const {
    std::ofstream file(path(target, name), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  fs::path directory_;
};

void write_safetensors(const Seeds& seeds) {
  seeds.write("safetensors", "floats",
              test::make_safetensors(
                  {test::float_tensor("layer.0.weight", {2, 2}, {1, 2, 3, 4}), test::float_tensor("norm", {1}, {1})}));
  const std::string types =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]},)"
      R"("e":{"dtype":"F8_E4M3","shape":[0,9],"data_offsets":[1,1]},"i":{"dtype":"I64","shape":[1],"data_offsets":[1,9]}})";
  seeds.write("safetensors", "types", test::raw_safetensors(types, 9));
}

void write_gguf(const Seeds& seeds) {
  using framework::GgufValue;
  framework::GgufKeys keys;
  keys.set("general.architecture", GgufValue::text("llama"));
  keys.set("general.alignment", GgufValue::u32(64));
  keys.set("llama.rope.freq_base", GgufValue::f32(10000));
  keys.set("tokenizer.ggml.add_bos_token", GgufValue::boolean(true));
  keys.set("tokenizer.ggml.tokens", GgufValue::texts({"a", "b"}));
  keys.set("tokenizer.ggml.scores", GgufValue::f32s({0, -1}));
  framework::GgufWriter writer(seeds.path("gguf", "model"), keys,
                               {{"blk.0.ffn_up.weight", framework::GgmlType::q8_0, {2, 32}},
                                {"output_norm.weight", framework::GgmlType::f32, {3}}});
  writer.write(Bytes(68));
  writer.write(Bytes(12));
  writer.finish();
}

/// Two pieces with score and type, then the trainer's kind of model and begin token.
void write_sentencepiece(const Seeds& seeds) {
  constexpr unsigned char file[] = {0x0a, 0x0a, 0x0a, 0x01, 'a', 0x15, 0,    0,    0x80, 0xbf, 0x18, 0x01,
                                    0x0a, 0x03, 0x0a, 0x01, 'b', 0x12, 0x05, 0x18, 0x02, 0xc8, 0x02, 0x01};
  const auto bytes = std::as_bytes(std::span(file));
  seeds.write("sentencepiece", "two", {bytes.begin(), bytes.end()});
}

void write_event_file(const Seeds& seeds) {
  Bytes file = framework::event_file_head(1.0);
  const std::array scalars{framework::Scalar{"best/loss", 0.5F}};
  const Bytes record = framework::event_record(2.0, 300, scalars);
  file.insert(file.end(), record.begin(), record.end());
  seeds.write("event_file", "file", file);
  // Without its frame, as the target frames it itself.
  seeds.write("event_file", "event", Bytes(record.begin() + 12, record.end() - 4));
}

void write_journals(const Seeds& seeds) {
  const std::vector<search::Record> records{
      search::Epoch{2, "host: a"},
      search::Result{{1, 2, 0}, search::WindowSet::holdout, 4, {0.5, 0.25}, {1.5, 1.25}, 10, 4, true},
      search::Commit{7, "0123456789abcdef0123456789abcdef", {{1, 2, 0}, search::WindowSet::holdout, 4, 2}},
      search::PlanRecord{{std::byte{1}}}, search::Close{"0123456789abcdef0123456789abcdef", {std::byte{1}}}};
  Bytes journal = search::encode_header({{"run", "experiment", "model", "data", "build"}, 1, 1, "owner"});
  Bytes script(4);  // as journal_fuzz cuts it: a place to damage, then u8 type | u8 length | payload
  std::uint64_t sequence = 0;
  for (const search::Record& record : records) {
    const search::JournalEntry entry = search::journal_entry(record);
    const Bytes encoded = search::encode_record({++sequence, entry.type, entry.payload});
    journal.insert(journal.end(), encoded.begin(), encoded.end());
    script.push_back(static_cast<std::byte>(entry.type));
    script.push_back(static_cast<std::byte>(entry.payload.size()));
    script.insert(script.end(), entry.payload.begin(), entry.payload.end());
  }
  seeds.write("journal", "file", journal);
  seeds.write("journal", "script", script);
}

/// A message of every kind, mostly empty ones.
template <class Variant, class Wrap, std::size_t... Index>
void write_every_kind(const Seeds& seeds, const char* name, const Wrap& wrap, std::index_sequence<Index...>) {
  (seeds.write("message", name + std::to_string(Index), search::encode(wrap(Variant(std::in_place_index<Index>)))),
   ...);
}

void write_messages(const Seeds& seeds) {
  using search::Outcome;
  using search::Task;
  const auto task = [](Task body) { return search::NumberedTask{3, std::move(body)}; };
  const auto reply = [](Outcome body) {
    search::Reply whole;
    whole.number = 3;
    whole.outcome = std::move(body);
    return whole;
  };
  write_every_kind<Task>(seeds, "task", task, std::make_index_sequence<std::variant_size_v<Task>>());
  write_every_kind<Outcome>(seeds, "outcome", reply, std::make_index_sequence<std::variant_size_v<Outcome>>());
  const auto write_reply = [&](const char* name, Outcome body) {
    seeds.write("message", name, search::encode(reply(std::move(body))));
  };
  search::Evaluate lease;
  lease.count = 2;
  lease.recipes = {{0, 1, 2}, {5, 4, 3}};
  seeds.write("message", "lease", search::encode(task(lease)));
  search::StageCalibrated calibrated;
  calibrated.parts.push_back({3, 0, framework::ActivationStatistics(2)});
  write_reply("calibrated", std::move(calibrated));
  write_reply("built", search::SiteBuilt{{{std::byte{7}}, {{0.5, 2.0}}, {{1, "no scale"}}}});
  write_reply("taught", search::Taught{{{1}, {-0.5f}, {1.5}}});
  search::Evaluated evaluated;
  evaluated.kl = {0.25};
  evaluated.nll = {2.0};
  write_reply("evaluated", evaluated);
}

void write_hdf5(const Seeds& seeds) {
  framework::H5File tokens = framework::H5File::create(seeds.path("token_file", "tokens"));
  tokens.write("/tokens", std::vector<std::uint32_t>(20, 7));
  tokens.write("/doc_offsets", std::vector<std::uint64_t>{0, 8, 20});
  tokens.set_attribute("/", "vocab_size", 256);
  tokens.commit();
  framework::H5File items = framework::H5File::create(seeds.path("token_file", "items"));
  items.write("/tokens", std::vector<std::uint32_t>(30, 7));
  items.create_group("/items");
  const auto ranges = [&items](const char* name, const std::vector<std::uint64_t>& ends) {
    items.write(name, kernels::MatrixView<const std::uint64_t>(ends.data(), std::ssize(ends) / 2, 2));
  };
  ranges("/items/context", {0, 3, 3, 6, 6, 9});
  ranges("/items/choice", {9, 10, 10, 11, 11, 12, 12, 14, 14, 15, 15, 16});
  items.write("/items/choice_offsets", std::vector<std::uint64_t>{0, 2, 4, 6});
  items.write("/items/label", std::vector<std::uint32_t>{0, 1, 0});
  items.write("/items/choice_bytes", std::vector<std::uint32_t>(6, 2));
  items.set_attribute("/items", "score", std::string("bytes"));
  items.commit();
  const framework::TokenWindows rows{
      .length = 4, .tokens = {1, 2, 3, 0, 1, 2, 4, 0}, .scored = {{2, 3}, {2, 3}}, .items = {2, {1}, {2}, {1, 1}}};
  framework::write_window_file(seeds.path("token_file", "item_windows"), {rows, rows, {}});
  const framework::TokenWindows windows{4, {1, 2, 3, 4, 5, 6, 7, 8}};
  framework::write_window_file(seeds.path("token_file", "windows"), {windows, windows, windows});
  search::write_run_file(seeds.path("run_file", "run"), test::small_run());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_seeds DIR\n";
    return 2;
  }
  const Seeds seeds(argv[1]);
  write_safetensors(seeds);
  write_gguf(seeds);
  write_sentencepiece(seeds);
  write_event_file(seeds);
  write_journals(seeds);
  write_messages(seeds);
  write_hdf5(seeds);
  return 0;
}
