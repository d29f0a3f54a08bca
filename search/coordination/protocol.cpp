// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/protocol.hpp"

#include <stdexcept>

#include "search/coordination/wire.hpp"

namespace pare::search {
namespace {

void put(WireWriter& out, const GenerateText& x) { out.value(x); }
void put(WireWriter& out, const UseText& x) { out.text(x.file); }
void put(WireWriter& out, const BuildSite& x) { out.value(x); }
void put(WireWriter& out, const UseBank& x) { out.text(x.file); }
void put(WireWriter& out, const Teach& x) { out.value(x); }
void put(WireWriter& out, const UseTeacher& x) { out.text(x.file); }
void put(WireWriter& out, const Evaluate& x) {
  out.value(x.set);
  out.value(x.begin);
  out.value(x.count);
  out.value(static_cast<std::uint64_t>(x.recipes.size()));
  for (const Recipe& recipe : x.recipes) out.array(std::span(recipe));
}
void put(WireWriter&, const Stop&) {}
void put(WireWriter& out, const GeneratedText& x) { out.array(std::span(x.tokens)); }
void put(WireWriter&, const Ready&) {}
void put(WireWriter& out, const SiteBuilt& x) {
  out.array(std::span(x.site.packed));
  out.array(std::span(x.site.errors));
}
void put(WireWriter& out, const Taught& x) {
  out.array(std::span(x.part.ids));
  out.array(std::span(x.part.log_probabilities));
  out.array(std::span(x.part.nll));
}
void put(WireWriter& out, const Evaluated& x) {
  out.array(std::span(x.kl));
  out.array(std::span(x.nll));
  out.value(x.stage_runs);
  out.value(x.stage_runs_separate);
}
void put(WireWriter& out, const Failed& x) {
  out.value(x.input);
  out.text(x.text);
}

void get(WireReader& in, GenerateText& x) { x = in.value<GenerateText>(); }
void get(WireReader& in, UseText& x) { x.file = in.text(); }
void get(WireReader& in, BuildSite& x) { x = in.value<BuildSite>(); }
void get(WireReader& in, UseBank& x) { x.file = in.text(); }
void get(WireReader& in, Teach& x) { x = in.value<Teach>(); }
void get(WireReader& in, UseTeacher& x) { x.file = in.text(); }
void get(WireReader& in, Evaluate& x) {
  x.set = in.value<WindowSet>();
  x.begin = in.value<std::int64_t>();
  x.count = in.value<std::int64_t>();
  const auto recipes = in.value<std::uint64_t>();
  for (std::uint64_t r = 0; r < recipes; ++r) x.recipes.push_back(in.array<std::uint8_t>());
}
void get(WireReader&, Stop&) {}
void get(WireReader& in, GeneratedText& x) { x.tokens = in.array<std::uint32_t>(); }
void get(WireReader&, Ready&) {}
void get(WireReader& in, SiteBuilt& x) {
  x.site.packed = in.array<std::byte>();
  x.site.errors = in.array<framework::LocalError>();
}
void get(WireReader& in, Taught& x) {
  x.part.ids = in.array<std::uint32_t>();
  x.part.log_probabilities = in.array<float>();
  x.part.nll = in.array<double>();
}
void get(WireReader& in, Evaluated& x) {
  x.kl = in.array<double>();
  x.nll = in.array<double>();
  x.stage_runs = in.value<std::int64_t>();
  x.stage_runs_separate = in.value<std::int64_t>();
}
void get(WireReader& in, Failed& x) {
  x.input = in.value<bool>();
  x.text = in.text();
}

void put_variant(WireWriter& out, const auto& variant) {
  out.value(static_cast<std::uint8_t>(variant.index()));
  std::visit([&](const auto& x) { put(out, x); }, variant);
}

/// Builds the alternative with the given index and reads into it.
template <class Variant, std::size_t Index = 0>
Variant get_variant(WireReader& in, std::size_t index) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (index != Index) return get_variant<Variant, Index + 1>(in, index);
    std::variant_alternative_t<Index, Variant> alternative;
    get(in, alternative);
    return alternative;
  } else {
    throw std::runtime_error("message of an unknown kind");
  }
}

void check_version(WireReader& in) {
  const auto version = in.value<std::uint32_t>();
  if (version != protocol_version) {
    throw std::runtime_error("message of protocol version " + std::to_string(version) + ", this build speaks " +
                             std::to_string(protocol_version) + ": all ranks need the same build of pare");
  }
}

}  // namespace

std::vector<std::byte> encode(const NumberedTask& task) {
  WireWriter out;
  out.value(protocol_version);
  out.value(task.number);
  put_variant(out, task.task);
  return out.take();
}

std::vector<std::byte> encode(const Reply& reply) {
  WireWriter out;
  out.value(protocol_version);
  out.value(reply.number);
  out.value(reply.seconds);
  put_variant(out, reply.outcome);
  return out.take();
}

NumberedTask decode_task(std::span<const std::byte> bytes) {
  WireReader in(bytes);
  check_version(in);
  NumberedTask task;
  task.number = in.value<std::uint64_t>();
  task.task = get_variant<Task>(in, in.value<std::uint8_t>());
  in.finish();
  return task;
}

Reply decode_reply(std::span<const std::byte> bytes) {
  WireReader in(bytes);
  check_version(in);
  Reply reply;
  reply.number = in.value<std::uint64_t>();
  reply.seconds = in.value<double>();
  reply.outcome = get_variant<Outcome>(in, in.value<std::uint8_t>());
  in.finish();
  return reply;
}

}  // namespace pare::search
