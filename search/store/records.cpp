// SPDX-License-Identifier: Apache-2.0
#include "search/store/records.hpp"

#include <cmath>

#include "kernels/core/contract.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {
namespace {

constexpr std::uint16_t result_type = 1;
constexpr std::uint16_t commit_type = 2;
constexpr std::uint16_t close_type = 3;
constexpr std::uint16_t poisoned_type = 4;
constexpr std::uint16_t plan_type = 5;
constexpr std::uint16_t epoch_type = 6;
constexpr std::uint16_t lost_type = 7;

struct Encoder {
  ByteWriter writer;

  std::uint16_t operator()(const Result& result) {
    EXPECT(result.kl.size() == result.nll.size(), result.kl.size(), " kl and ", result.nll.size(), " nll values");
    writer.array(std::span(result.recipe));
    writer.number(static_cast<std::uint8_t>(result.set));
    writer.number(result.begin);
    writer.array(std::span(result.kl));
    writer.array(std::span(result.nll));
    writer.number(result.stage_runs);
    writer.number(result.stage_runs_saved);
    writer.number(static_cast<std::uint8_t>(result.reused));
    if (!result.wrong.empty()) writer.array(std::span(result.wrong));
    return result_type;
  }

  std::uint16_t operator()(const Commit& commit) {
    writer.number(commit.trial);
    writer.string(commit.digest);
    writer.array(std::span(commit.request.recipe));
    writer.number(static_cast<std::uint8_t>(commit.request.set));
    writer.number(commit.request.begin);
    writer.number(commit.request.count);
    writer.number(commit.seconds);
    return commit_type;
  }

  std::uint16_t operator()(const Close& close) {
    writer.string(close.verdict_digest);
    blob(close.run);
    return close_type;
  }

  std::uint16_t operator()(const Poisoned& poisoned) {
    EXPECT(!poisoned.text.empty());
    writer.array(std::span(poisoned.recipe));
    writer.number(poisoned.trial);
    writer.string(poisoned.text);
    return poisoned_type;
  }

  std::uint16_t operator()(const PlanRecord& plan) {
    blob(plan.run);
    return plan_type;
  }

  std::uint16_t operator()(const Epoch& epoch) {
    writer.number(epoch.epoch);
    writer.string(epoch.owner);
    return epoch_type;
  }

  std::uint16_t operator()(const Lost&) { return lost_type; }

  void blob(std::span<const std::byte> bytes) {
    writer.number(static_cast<std::uint32_t>(bytes.size()));
    writer.raw(bytes);
  }
};

WindowSet decode_set(ByteReader& reader, const std::string& name) {
  const auto set = reader.number<std::uint8_t>();
  VALIDATE(set <= static_cast<std::uint8_t>(WindowSet::holdout), name, " is damaged: there is no window set ",
           int{set});
  return static_cast<WindowSet>(set);
}

std::vector<std::byte> decode_blob(ByteReader& reader) {
  const auto bytes = reader.raw(reader.number<std::uint32_t>());
  return {bytes.begin(), bytes.end()};
}

Result decode_result(ByteReader& reader, const std::string& name) {
  Result result;
  result.recipe = reader.array<std::uint8_t>();
  result.set = decode_set(reader, name);
  result.begin = reader.number<std::int64_t>();
  result.kl = reader.array<double>();
  result.nll = reader.array<double>();
  result.stage_runs = reader.number<std::int64_t>();
  result.stage_runs_saved = reader.number<std::int64_t>();
  if (reader.has_more()) result.reused = reader.number<std::uint8_t>() != 0;
  if (reader.has_more()) result.wrong = reader.array<double>();
  VALIDATE(result.kl.size() == result.nll.size(), name, " is damaged: ", result.kl.size(), " kl values and ",
           result.nll.size(), " nll values");
  VALIDATE(result.wrong.empty() || result.wrong.size() == result.kl.size(), name, " is damaged: ", result.kl.size(),
           " kl values and ", result.wrong.size(), " wrong values");
  VALIDATE(result.begin >= 0 && result.stage_runs >= 0 && result.stage_runs_saved >= 0, name,
           " is damaged: a negative count");
  return result;
}

Commit decode_commit(ByteReader& reader, const std::string& name) {
  Commit commit;
  commit.trial = reader.number<std::int64_t>();
  commit.digest = reader.string();
  commit.request.recipe = reader.array<std::uint8_t>();
  commit.request.set = decode_set(reader, name);
  commit.request.begin = reader.number<std::int64_t>();
  commit.request.count = reader.number<std::int64_t>();
  if (reader.has_more()) commit.seconds = reader.number<double>();
  VALIDATE(commit.trial >= 0 && commit.request.begin >= 0 && commit.request.count >= 0, name, " is damaged: trial ",
           commit.trial, " of ", commit.request.count, " windows from ", commit.request.begin);
  VALIDATE(!(commit.seconds < 0) && !std::isinf(commit.seconds), name, " is damaged: committed after ", commit.seconds,
           " s");
  return commit;
}

Poisoned decode_poisoned(ByteReader& reader, const std::string& name) {
  Poisoned poisoned;
  poisoned.recipe = reader.array<std::uint8_t>();
  poisoned.trial = reader.number<std::int64_t>();
  poisoned.text = reader.string();
  VALIDATE(poisoned.trial >= 0, name, " is damaged: trial ", poisoned.trial);
  VALIDATE(!poisoned.text.empty(), name, " is damaged: a failure without a reason");
  return poisoned;
}

Close decode_close(ByteReader& reader) {
  Close close;
  close.verdict_digest = reader.string();
  close.run = decode_blob(reader);
  return close;
}

Epoch decode_epoch(ByteReader& reader) {
  Epoch epoch;
  epoch.epoch = reader.number<std::uint64_t>();
  epoch.owner = reader.string();
  return epoch;
}

}  // namespace

JournalEntry journal_entry(const Record& record) {
  Encoder encoder;
  const std::uint16_t type = std::visit(encoder, record);
  return {type, encoder.writer.take()};
}

std::optional<PlanRecord> find_plan(std::span<const JournalRecord> records) {
  for (const JournalRecord& record : records)
    if (record.type == plan_type) return std::get<PlanRecord>(decode_record(record));
  return std::nullopt;
}

Record decode_record(const JournalRecord& record) {
  const std::string name = pare::detail::concatenate("journal record ", record.sequence);
  ByteReader reader(record.payload, name);
  Record decoded;
  switch (record.type) {
    case result_type:
      decoded = decode_result(reader, name);
      break;
    case commit_type:
      decoded = decode_commit(reader, name);
      break;
    case close_type:
      decoded = decode_close(reader);
      break;
    case plan_type:
      decoded = PlanRecord{decode_blob(reader)};
      break;
    case epoch_type:
      decoded = decode_epoch(reader);
      break;
    case poisoned_type:
      decoded = decode_poisoned(reader, name);
      break;
    case lost_type:
      decoded = Lost{};
      break;
    default:
      VALIDATE(false, name, " has the unknown type ", record.type, ": use the pare that wrote it");
  }
  reader.expect_end();
  return decoded;
}

}  // namespace pare::search
