// SPDX-License-Identifier: Apache-2.0
#include "framework/io/safetensors_json.hpp"

#include <limits>
#include <unordered_set>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework::detail {
namespace {

constexpr std::size_t most_tensors = 1'000'000;
constexpr std::size_t longest_name = 4096;
constexpr std::size_t largest_rank = 16;

/// Follows the grammar of the header as a state machine; every event that does not belong to the state is an
/// error.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& source) : source_(source) {}

  HeaderEntries take_entries() { return std::move(entries_); }

  bool start_object(std::size_t) override {
    if (state_ == State::begin) return enter(State::tensor_name);
    if (state_ == State::metadata) return enter(State::metadata_key);
    if (state_ == State::tensor) return enter(State::field);
    return refuse_value("an object");
  }

  bool key(string_t& text) override {
    if (state_ == State::tensor_name) return begin_tensor(text);
    if (state_ == State::metadata_key) {
      if (!metadata_keys_.insert(text).second) fail("key '" + printable(text) + "' is there twice in __metadata__");
      entries_.metadata.emplace_back(text, "");
      return enter(State::metadata_value);
    }
    return begin_field(text);
  }

  bool end_object() override {
    if (state_ == State::field) {
      if (fields_seen_ != all_fields) fail_tensor("needs dtype, shape and data_offsets");
      return enter(State::tensor_name);
    }
    if (state_ == State::metadata_key) return enter(State::tensor_name);
    return enter(State::end);
  }

  bool string(string_t& text) override {
    if (state_ == State::metadata_value) {
      entries_.metadata.back().second = text;
      return enter(State::metadata_key);
    }
    if (state_ != State::type) return refuse_value("a text");
    entries_.tensors.back().type = text;
    return enter(State::field);
  }

  bool start_array(std::size_t) override {
    if (state_ == State::shape) return enter(State::shape_items);
    if (state_ == State::offsets) return enter(State::offset_items);
    return refuse_value("a list");
  }

  bool end_array() override {
    if (state_ == State::offset_items && offsets_.size() != 2) fail_tensor("data_offsets needs two numbers");
    if (state_ == State::offset_items) {
      entries_.tensors.back().begin = offsets_[0];
      entries_.tensors.back().end = offsets_[1];
    }
    return enter(State::field);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return refuse_value("a number beyond 2^63");
    }
    const auto number = static_cast<std::int64_t>(value);
    if (state_ == State::shape_items) {
      std::vector<std::int64_t>& shape = entries_.tensors.back().shape;
      if (shape.size() == largest_rank) fail_tensor("shape has more than 16 sizes");
      shape.push_back(number);
      return true;
    }
    if (state_ != State::offset_items) return refuse_value("a number");
    if (offsets_.size() == 2) fail_tensor("data_offsets needs two numbers");
    offsets_.push_back(number);
    return true;
  }

  bool number_integer(number_integer_t) override { return refuse_value("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return refuse_value("a number with fraction or exponent");
  }
  bool null() override { return refuse_value("null"); }
  bool boolean(bool) override { return refuse_value("true or false"); }
  bool binary(binary_t&) override { return refuse_value("bytes"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail(fmt::format("the header is not JSON (at its byte {})", position));
  }

 private:
  enum class State {
    begin,
    tensor_name,
    metadata,
    metadata_key,
    metadata_value,
    tensor,
    field,
    type,
    shape,
    shape_items,
    offsets,
    offset_items,
    end
  };
  static constexpr unsigned type_field = 1, shape_field = 2, offsets_field = 4, all_fields = 7;

  bool enter(State state) {
    state_ = state;
    return true;
  }

  bool begin_tensor(const std::string& name) {
    if (!names_.insert(name).second) fail("tensor '" + printable(name) + "' is there twice");
    if (name == "__metadata__") return enter(State::metadata);
    if (name.size() > longest_name) fail("tensor '" + printable(name) + "': the name is longer than 4096 bytes");
    if (entries_.tensors.size() == most_tensors) fail("more than 1000000 tensors");
    entries_.tensors.emplace_back().name = name;
    offsets_.clear();
    fields_seen_ = 0;
    return enter(State::tensor);
  }

  bool begin_field(const std::string& name) {
    if (name == "dtype") return begin_known_field(name, type_field, State::type);
    if (name == "shape") return begin_known_field(name, shape_field, State::shape);
    if (name == "data_offsets") return begin_known_field(name, offsets_field, State::offsets);
    fail_tensor("unknown key '" + printable(name) + "' (known: dtype, shape, data_offsets)");
  }

  bool begin_known_field(const std::string& name, unsigned field, State state) {
    if ((fields_seen_ & field) != 0) fail_tensor("key '" + name + "' is there twice");
    fields_seen_ |= field;
    return enter(state);
  }

  bool refuse_value(const char* value) const {
    switch (state_) {
      case State::metadata:
      case State::metadata_value:
        fail(fmt::format("__metadata__ may hold texts only, not {}", value));
      case State::tensor:
        fail_tensor(fmt::format("is {}, should be an object with dtype, shape and data_offsets", value));
      case State::type:
        fail_tensor(fmt::format("dtype is {}, should be a text", value));
      case State::shape:
      case State::shape_items:
        fail_tensor(fmt::format("shape holds {}, should be a list of whole numbers", value));
      case State::offsets:
      case State::offset_items:
        fail_tensor(fmt::format("data_offsets holds {}, should be two whole numbers", value));
      default:
        fail(fmt::format("the header holds {} where none belongs", value));
    }
  }

  [[noreturn]] void fail(const std::string& text) const { throw InputError(source_ + ": " + text); }
  [[noreturn]] void fail_tensor(const std::string& text) const {
    fail("tensor '" + printable(entries_.tensors.back().name) + "': " + text);
  }

  const std::string& source_;
  HeaderEntries entries_;
  State state_ = State::begin;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> metadata_keys_;
  std::vector<std::int64_t> offsets_;
  unsigned fields_seen_ = 0;
};

}  // namespace

HeaderEntries parse_header_json(std::string_view text, const std::string& source) {
  // The parser takes a zero byte for the end, which would let a second file hide behind the header.
  VALIDATE(text.find('\0') == std::string_view::npos, source,
           ": the header is not JSON (there is a zero byte at its byte ", text.find('\0') + 1, ")");
  HeaderReader reader(source);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take_entries();
}

}  // namespace pare::framework::detail
