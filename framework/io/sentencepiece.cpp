// SPDX-License-Identifier: Apache-2.0
#include "framework/io/sentencepiece.hpp"

#include <cstring>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Piece = SentencePieceModel::Piece;

constexpr std::size_t most_pieces = std::size_t{1} << 24;
constexpr std::uint64_t bpe = 2;  // TrainerSpec.ModelType

/// One field of a message: its number, and its value as a number or as bytes, whichever it has.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;
  std::span<const std::byte> bytes;
};

/// Fields of a message one after another. https://protobuf.dev/programming-guides/encoding
class Message {
 public:
  Message(std::span<const std::byte> bytes, std::span<const std::byte> file, const std::string& source)
      : bytes_(bytes), file_(file), source_(source) {}

  bool at_end() const { return at_ == bytes_.size(); }

  Field next() {
    const std::uint64_t tag = varint();
    Field field{.number = tag >> 3, .value = 0, .bytes = {}};
    switch (tag & 7) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        fail("a field of an unknown kind");
    }
    return field;
  }

  Message inside(const Field& field) const { return {field.bytes, file_, source_}; }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw InputError(pare::detail::concatenate(source_, ": not a SentencePiece model, or damaged at byte ",
                                               bytes_.data() - file_.data() + static_cast<std::ptrdiff_t>(at_), ": ",
                                               what));
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_end()) fail("cut off");
      const auto part = std::to_integer<std::uint64_t>(bytes_[at_++]);
      if (shift < 64) value |= (part & 0x7f) << shift;
      if (part < 0x80) return value;
    }
    fail("a number of more than ten bytes");
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("a length beyond the end");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  std::span<const std::byte> bytes_, file_;
  const std::string& source_;
  std::size_t at_ = 0;
};

Piece read_piece(Message message) {
  Piece piece;
  while (!message.at_end()) {
    const Field field = message.next();
    if (field.number == 1) piece.text.assign(reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size());
    if (field.number == 2 && field.bytes.size() == sizeof(float))
      std::memcpy(&piece.score, field.bytes.data(), sizeof(float));
    if (field.number == 3 && field.value >= 1 && field.value <= 6)
      piece.type = static_cast<SentencePieceModel::Type>(field.value);
  }
  return piece;
}

}  // namespace

SentencePieceModel parse_sentencepiece(std::span<const std::byte> file, const std::string& source) {
  SentencePieceModel model;
  Message message(file, file, source);
  while (!message.at_end()) {
    const Field field = message.next();
    if (field.number == 1) model.pieces.push_back(read_piece(message.inside(field)));
    if (field.number == 2) {
      Message trainer = message.inside(field);
      while (!trainer.at_end())
        if (const Field type = trainer.next(); type.number == 3) model.is_bpe = type.value == bpe;
    }
    if (field.number == 3) {
      Message normalizer = message.inside(field);
      while (!normalizer.at_end())
        if (const Field flag = normalizer.next(); flag.number == 3) model.adds_space = flag.value != 0;
    }
    VALIDATE(model.pieces.size() <= most_pieces, source, ": more than ", most_pieces, " pieces");
  }
  VALIDATE(!model.pieces.empty(), source, ": not a SentencePiece model, it has no pieces");
  return model;
}

}  // namespace pare::framework
