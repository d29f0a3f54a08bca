// SPDX-License-Identifier: Apache-2.0
#include "search/store/records.hpp"

#include "kernels/core/contract.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {
namespace {

constexpr std::uint16_t result_type = 1;
constexpr std::uint16_t commit_type = 2;
constexpr std::uint16_t close_type = 3;

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
    return result_type;
  }

  std::uint16_t operator()(const Commit& commit) {
    writer.number(commit.trial);
    writer.string(commit.digest);
    return commit_type;
  }

  std::uint16_t operator()(const Close& close) {
    writer.string(close.verdict_digest);
    return close_type;
  }
};

Result decode_result(ByteReader& reader, const std::string& name) {
  Result result;
  result.recipe = reader.array<std::uint8_t>();
  const auto set = reader.number<std::uint8_t>();
  VALIDATE(set <= static_cast<std::uint8_t>(WindowSet::holdout), name, " is damaged: there is no window set ",
           int{set});
  result.set = static_cast<WindowSet>(set);
  result.begin = reader.number<std::int64_t>();
  result.kl = reader.array<double>();
  result.nll = reader.array<double>();
  result.stage_runs = reader.number<std::int64_t>();
  result.stage_runs_saved = reader.number<std::int64_t>();
  VALIDATE(result.kl.size() == result.nll.size(), name, " is damaged: ", result.kl.size(), " kl values and ",
           result.nll.size(), " nll values");
  VALIDATE(result.begin >= 0 && result.stage_runs >= 0 && result.stage_runs_saved >= 0, name,
           " is damaged: a negative count");
  return result;
}

Commit decode_commit(ByteReader& reader, const std::string& name) {
  Commit commit;
  commit.trial = reader.number<std::int64_t>();
  commit.digest = reader.string();
  VALIDATE(commit.trial >= 0, name, " is damaged: trial ", commit.trial);
  return commit;
}

}  // namespace

JournalEntry journal_entry(const Record& record) {
  Encoder encoder;
  const std::uint16_t type = std::visit(encoder, record);
  return {type, encoder.writer.take()};
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
      decoded = Close{reader.string()};
      break;
    default:
      VALIDATE(false, name, " has the unknown type ", record.type, ": use the pare that wrote it");
  }
  reader.expect_end();
  return decoded;
}

}  // namespace pare::search
