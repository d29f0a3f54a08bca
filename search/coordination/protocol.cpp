// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/protocol.hpp"

#include <span>
#include <vector>

#include "kernels/core/contract.hpp"
#include "search/coordination/statistics_codec.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {
namespace {

// Beyond it a number of values is damage.
constexpr std::uint64_t most_values = std::uint64_t{1} << 40;

void put(ByteWriter& out, const HandedStates& x) {
  out.array(std::span(x.values));
  out.number(std::uint8_t{x.shared.has_value()});
  if (!x.shared) return;
  out.number(x.shared->slot);
  out.number(x.shared->place.pid);
  out.number(x.shared->place.descriptor);
  out.number(x.shared->place.token);
  out.number(x.shared->values);
}
void put(ByteWriter& out, const std::optional<std::uint32_t>& slot) {
  out.number(std::uint8_t{slot.has_value()});
  if (slot) out.number(*slot);
}
void put(ByteWriter& out, const GenerateText& x) {
  out.number(x.begin);
  out.number(x.count);
}
void put(ByteWriter& out, const UseText& x) {
  out.string(x.file);
}
void put(ByteWriter& out, const CalibrateStage& x) {
  out.number(x.stage);
  out.number(x.first_lane);
  out.number(x.lanes);
}
void put(ByteWriter& out, const UseCalibration& x) {
  out.string(x.file);
}
void put(ByteWriter& out, const BuildSite& x) {
  out.number(x.site);
}
void put(ByteWriter& out, const UseBank& x) {
  out.string(x.file);
}
void put(ByteWriter& out, const Teach& x) {
  out.number(static_cast<std::uint8_t>(x.set));
  out.number(x.begin);
  out.number(x.count);
  put(out, x.states);
  put(out, x.slot);
}
void put(ByteWriter& out, const UseTeacher& x) {
  out.string(x.file);
}
void put(ByteWriter& out, const Evaluate& x) {
  out.number(static_cast<std::uint8_t>(x.set));
  out.number(x.begin);
  out.number(x.count);
  out.number(static_cast<std::uint64_t>(x.recipes.size()));
  for (const Recipe& recipe : x.recipes) out.array(std::span(recipe));
  put(out, x.states);
  put(out, x.slot);
}
void put(ByteWriter& out, const Stop& x) {
  out.number(std::uint8_t{x.ranks_lost});
}
void put(ByteWriter&, const Echo&) {}
void put(ByteWriter& out, const GeneratedText& x) {
  out.array(std::span(x.tokens));
}
void put(ByteWriter&, const Ready&) {}
void put(ByteWriter& out, const StageCalibrated& x) {
  out.number(static_cast<std::uint64_t>(x.parts.size()));
  for (const auto& part : x.parts) {
    out.number(part.lane);
    out.number(static_cast<std::uint64_t>(part.reader));
    put_statistics(out, part.statistics.state());
  }
}
void put(ByteWriter& out, const SiteBuilt& x) {
  out.number(static_cast<std::uint64_t>(x.site.packed.size()));
  out.raw(x.site.packed);
  std::vector<double> errors;
  for (const framework::LocalError& error : x.site.errors) {
    errors.insert(errors.end(), {error.squared_error, error.squared_weights});
  }
  out.array(std::span(errors));
  out.number(static_cast<std::uint64_t>(x.site.failures.size()));
  for (const framework::OptionFailure& failure : x.site.failures) {
    out.number(static_cast<std::uint64_t>(failure.option));
    out.string(failure.reason);
  }
}
void put(ByteWriter& out, const Taught& x) {
  out.array(std::span(x.part.ids));
  out.array(std::span(x.part.log_probabilities));
  out.array(std::span(x.part.nll));
}
void put(ByteWriter& out, const Evaluated& x) {
  out.array(std::span(x.kl));
  out.array(std::span(x.nll));
  out.array(std::span(x.wrong));
  out.number(x.stage_runs);
  out.number(x.stage_runs_separate);
}
void put(ByteWriter& out, const Failed& x) {
  out.number(static_cast<std::uint8_t>(x.kind));
  out.string(x.text);
}
void put(ByteWriter&, const Alive&) {}
void put(ByteWriter& out, const Hello& x) {
  for (const std::string* text : {&x.build, &x.isa, &x.model, &x.host}) out.string(*text);
  out.number(static_cast<std::uint32_t>(x.gpus.size()));
  for (const std::string& gpu : x.gpus) out.string(gpu);
  out.number(x.pid);
  out.number(x.processes);
}
void put(ByteWriter& out, const Passed& x) {
  put(out, x.states);
  out.number(x.stage_runs);
  out.number(x.stage_runs_separate);
}
void put(ByteWriter&, const Unseen&) {}
void put(ByteWriter& out, const MemberLost& x) {
  out.string(x.text);
}

std::uint32_t get_slot(ByteReader& in) {
  const auto slot = in.number<std::uint32_t>();
  VALIDATE(slot < handover_slots, "message is damaged: no slot ", slot);
  return slot;
}
void get(ByteReader& in, HandedStates& x) {
  x.values = in.array<float>();
  if (in.number<std::uint8_t>() == 0) return;
  SharedStates& shared = x.shared.emplace();
  shared.slot = get_slot(in);
  shared.place.pid = in.number<std::int64_t>();
  shared.place.descriptor = in.number<std::int32_t>();
  shared.place.token = in.number<std::uint64_t>();
  shared.values = in.number<std::uint64_t>();
  VALIDATE(shared.values <= most_values, "message is damaged: ", shared.values, " values");
}
void get(ByteReader& in, std::optional<std::uint32_t>& slot) {
  if (in.number<std::uint8_t>() != 0) slot = get_slot(in);
}

WindowSet get_set(ByteReader& in) {
  const auto set = in.number<std::uint8_t>();
  VALIDATE(set <= static_cast<std::uint8_t>(WindowSet::holdout), "message is damaged: no window set ", int{set});
  return static_cast<WindowSet>(set);
}

void get(ByteReader& in, GenerateText& x) {
  x.begin = in.number<std::int64_t>();
  x.count = in.number<std::int64_t>();
}
void get(ByteReader& in, UseText& x) {
  x.file = in.string();
}
void get(ByteReader& in, CalibrateStage& x) {
  x.stage = in.number<std::uint64_t>();
  x.first_lane = in.number<std::int64_t>();
  x.lanes = in.number<std::int64_t>();
}
void get(ByteReader& in, UseCalibration& x) {
  x.file = in.string();
}
void get(ByteReader& in, BuildSite& x) {
  x.site = in.number<std::uint64_t>();
}
void get(ByteReader& in, UseBank& x) {
  x.file = in.string();
}
void get(ByteReader& in, Teach& x) {
  x.set = get_set(in);
  x.begin = in.number<std::int64_t>();
  x.count = in.number<std::int64_t>();
  get(in, x.states);
  get(in, x.slot);
}
void get(ByteReader& in, UseTeacher& x) {
  x.file = in.string();
}
void get(ByteReader& in, Evaluate& x) {
  x.set = get_set(in);
  x.begin = in.number<std::int64_t>();
  x.count = in.number<std::int64_t>();
  const auto recipes = in.number<std::uint64_t>();
  for (std::uint64_t r = 0; r < recipes; ++r) x.recipes.push_back(in.array<std::uint8_t>());
  get(in, x.states);
  get(in, x.slot);
}
void get(ByteReader& in, Stop& x) {
  x.ranks_lost = in.number<std::uint8_t>() != 0;
}
void get(ByteReader&, Echo&) {}
void get(ByteReader& in, GeneratedText& x) {
  x.tokens = in.array<std::uint32_t>();
}
void get(ByteReader&, Ready&) {}
void get(ByteReader& in, StageCalibrated& x) {
  const auto parts = in.number<std::uint64_t>();
  for (std::uint64_t p = 0; p < parts; ++p) {
    const auto lane = in.number<std::int64_t>();
    const auto reader = in.number<std::uint64_t>();
    x.parts.push_back({lane, static_cast<std::size_t>(reader), get_statistics(in)});
  }
}
void get(ByteReader& in, SiteBuilt& x) {
  const auto packed = in.raw(in.number<std::uint64_t>());
  x.site.packed.assign(packed.begin(), packed.end());
  const auto errors = in.array<double>();
  VALIDATE(errors.size() % 2 == 0, "message is damaged: half an error");
  for (std::size_t i = 0; i < errors.size(); i += 2) x.site.errors.push_back({errors[i], errors[i + 1]});
  const auto failures = in.number<std::uint64_t>();
  for (std::uint64_t f = 0; f < failures; ++f) {
    const auto option = in.number<std::uint64_t>();
    x.site.failures.push_back({static_cast<std::size_t>(option), in.string()});
  }
}
void get(ByteReader& in, Taught& x) {
  x.part.ids = in.array<std::uint32_t>();
  x.part.log_probabilities = in.array<float>();
  x.part.nll = in.array<double>();
}
void get(ByteReader& in, Evaluated& x) {
  x.kl = in.array<double>();
  x.nll = in.array<double>();
  x.wrong = in.array<double>();
  x.stage_runs = in.number<std::int64_t>();
  x.stage_runs_separate = in.number<std::int64_t>();
}
void get(ByteReader& in, Failed& x) {
  const auto kind = in.number<std::uint8_t>();
  VALIDATE(kind <= static_cast<std::uint8_t>(FailureKind::device), "message is damaged: no kind of failure ",
           int{kind});
  x.kind = static_cast<FailureKind>(kind);
  x.text = in.string();
}
void get(ByteReader&, Alive&) {}
void get(ByteReader& in, Hello& x) {
  for (std::string* text : {&x.build, &x.isa, &x.model, &x.host}) *text = in.string();
  const auto gpus = in.number<std::uint32_t>();
  for (std::uint32_t g = 0; g < gpus; ++g) x.gpus.push_back(in.string());
  x.pid = in.number<std::int64_t>();
  x.processes = in.number<std::int32_t>();
}
void get(ByteReader& in, Passed& x) {
  get(in, x.states);
  x.stage_runs = in.number<std::int64_t>();
  x.stage_runs_separate = in.number<std::int64_t>();
}
void get(ByteReader&, Unseen&) {}
void get(ByteReader& in, MemberLost& x) {
  x.text = in.string();
}

void put_variant(ByteWriter& out, const auto& variant) {
  out.number(static_cast<std::uint8_t>(variant.index()));
  std::visit([&](const auto& x) { put(out, x); }, variant);
}

/// Builds the alternative with the given index and reads into it.
template <class Variant, std::size_t Index = 0>
Variant get_variant(ByteReader& in, std::size_t index) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (index != Index) return get_variant<Variant, Index + 1>(in, index);
    std::variant_alternative_t<Index, Variant> alternative;
    get(in, alternative);
    return alternative;
  } else {
    throw InputError("message of an unknown kind");
  }
}

void check_version(ByteReader& in) {
  const auto version = in.number<std::uint32_t>();
  VALIDATE(version == protocol_version, "message of protocol version ", version, ", this build speaks ",
           protocol_version, ": all ranks need the same build of pare");
}

}  // namespace

std::vector<std::byte> encode(const NumberedTask& task) {
  ByteWriter out;
  out.number(protocol_version);
  out.number(task.number);
  put_variant(out, task.task);
  return out.take();
}

std::vector<std::byte> encode(const Reply& reply) {
  ByteWriter out;
  out.number(protocol_version);
  out.number(reply.number);
  out.number(reply.seconds);
  put_variant(out, reply.outcome);
  return out.take();
}

NumberedTask decode_task(std::span<const std::byte> bytes) {
  ByteReader in(bytes, "message");
  check_version(in);
  NumberedTask task;
  task.number = in.number<std::uint64_t>();
  task.task = get_variant<Task>(in, in.number<std::uint8_t>());
  in.expect_end();
  return task;
}

Reply decode_reply(std::span<const std::byte> bytes) {
  ByteReader in(bytes, "message");
  check_version(in);
  Reply reply;
  reply.number = in.number<std::uint64_t>();
  reply.seconds = in.number<double>();
  reply.outcome = get_variant<Outcome>(in, in.number<std::uint8_t>());
  in.expect_end();
  return reply;
}

}  // namespace pare::search
