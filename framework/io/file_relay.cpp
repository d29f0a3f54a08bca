// SPDX-License-Identifier: Apache-2.0
#include "framework/io/file_relay.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include "framework/config/utf8.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;
using Message = std::vector<std::byte>;

constexpr std::size_t chunk_bytes = std::size_t{8} << 20;
constexpr int most_unanswered = 4;
constexpr std::size_t hash_digits = 32;
// Hashing a copy of 100 GB takes a minute, during which a node is silent.
constexpr auto longest_silence = std::chrono::minutes(5);

enum class Kind : std::uint8_t { directory, begin, chunk, wants, got, done };

Message message_of(Kind kind, std::span<const std::byte> body) {
  Message message(1 + body.size());
  message[0] = static_cast<std::byte>(kind);
  std::copy(body.begin(), body.end(), message.begin() + 1);
  return message;
}

Message message_of(Kind kind, std::string_view text) {
  return message_of(kind, std::as_bytes(std::span(text)));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Kind kind_of(const Message& message) {
  VALIDATE(!message.empty() && message[0] <= static_cast<std::byte>(Kind::done), "a message about a file is damaged");
  return static_cast<Kind>(message[0]);
}

/// Relative and below its directory.
bool is_plain(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() && path.has_filename() && name.find('\0') == std::string::npos &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".." || part == "."; });
}

/// on_wait is called now and then: a large file on a slow disk takes its time.
std::string hash_of(const MappedFile& file, const std::function<void(std::size_t)>& on_wait) {
  Hasher hasher;
  for (std::size_t begin = 0; begin < file.bytes().size(); begin += chunk_bytes) {
    hasher.update(file.bytes().subspan(begin, std::min(chunk_bytes, file.bytes().size() - begin)));
    on_wait(1);
  }
  return hasher.hex();
}

/// 0 or errno.
int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

FileRelay::FileRelay(std::string host, std::unique_ptr<Channel> above, std::vector<std::unique_ptr<Channel>> below,
                     std::function<void(std::size_t)> on_wait)
    : host_(std::move(host)), above_(std::move(above)), on_wait_(std::move(on_wait)) {
  for (auto& line : below) below_.push_back({.line = std::move(line)});
}

FileRelay::~FileRelay() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileRelay::open(const fs::path& directory) {
  EXPECT(above_ == nullptr && !busy());
  begin_directory(directory);
  wait_until_idle("the directory " + directory.string());
}

fs::path FileRelay::send(const fs::path& source, const std::string& name) {
  EXPECT(above_ == nullptr && !busy() && directory_);
  const MappedFile file(source);
  begin_file(static_cast<std::int64_t>(file.bytes().size()), hash_of(file, on_wait_), name);
  auto heard = std::chrono::steady_clock::now();
  while (busy()) {
    const bool ready = state_ == State::streaming && std::ranges::all_of(below_, [](const Below& below) {
                         return below.unanswered < most_unanswered;
                       });
    if (ready) {
      const auto begin = static_cast<std::size_t>(taken_);
      take_chunk(file.bytes().subspan(begin, std::min(chunk_bytes, file.bytes().size() - begin)));
      proceed();
    }
    on_wait_(ready ? 1 : 0);
    if (step_below() || ready) {
      heard = std::chrono::steady_clock::now();
    } else {
      if (std::chrono::steady_clock::now() - heard > longest_silence)
        throw std::runtime_error(fmt::format("a node is silent while {} is brought to all nodes", name));
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  VALIDATE(error_.empty(), error_);
  return target();
}

void FileRelay::wait_until_idle(const std::string& what) {
  const auto start = std::chrono::steady_clock::now();
  while (busy()) {
    on_wait_(0);
    if (step_below()) continue;
    if (std::chrono::steady_clock::now() - start > longest_silence)
      throw std::runtime_error(fmt::format("a node is silent about {}", what));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  VALIDATE(error_.empty(), error_);
}

bool FileRelay::step() {
  EXPECT(above_ != nullptr);
  const bool below = step_below();
  return step_above() || below;
}

bool FileRelay::step_above() {
  if (state_ == State::asking || state_ == State::finishing) return false;
  for (const Below& below : below_)
    if (below.unanswered >= most_unanswered) return false;
  const auto message = above_->try_receive();
  if (!message) return false;
  const Kind kind = kind_of(*message);
  const std::span<const std::byte> body = std::span(*message).subspan(1);
  VALIDATE((kind == Kind::chunk) == (state_ == State::streaming), "a message about a file comes out of turn");
  if (kind == Kind::chunk) {
    VALIDATE(static_cast<std::int64_t>(body.size()) <= size_ - taken_, "more bytes than the file has were sent");
    take_chunk(body);
    above_->send(message_of(Kind::got, std::string_view()));
    proceed();
  } else if (kind == Kind::directory) {
    begin_directory(text_of(body));
  } else {
    VALIDATE(kind == Kind::begin && body.size() > sizeof size_ + hash_digits, "a message about a file is damaged");
    std::int64_t size = 0;
    std::memcpy(&size, body.data(), sizeof size);
    VALIDATE(size >= 0, "a message about a file is damaged: a size of ", size);
    begin_file(size, text_of(body.subspan(sizeof size, hash_digits)), text_of(body.subspan(sizeof size + hash_digits)));
  }
  return true;
}

bool FileRelay::step_below() {
  bool heard = false;
  for (Below& below : below_) {
    while (const auto message = below.line->try_receive()) {
      heard = true;
      const Kind kind = kind_of(*message);
      if (kind == Kind::wants) {
        VALIDATE(message->size() == 2, "a message about a file is damaged");
        below.asked = false;
        below.wants = (*message)[1] != std::byte{0};
      } else if (kind == Kind::got) {
        --below.unanswered;
      } else {
        VALIDATE(kind == Kind::done, "a message about a file comes out of turn");
        below.finished = true;
        if (error_.empty()) error_ = text_of(std::span(*message).subspan(1));
      }
    }
  }
  if (heard) proceed();
  return heard;
}

void FileRelay::start(State state, bool asked, const Message& message) {
  state_ = state;
  error_.clear();
  for (Below& below : below_) {
    below.asked = asked;
    below.finished = false;
    below.wants = false;
    below.unanswered = 0;
    below.line->send(message);
  }
}

void FileRelay::begin_directory(const fs::path& path) {
  start(State::finishing, false, message_of(Kind::directory, path.string()));
  try {
    directory_.reset();
    directory_.emplace(path);
  } catch (const InputError& error) {
    error_ = fmt::format("startup.directory on {}: {}", host_, error.what());
  }
  proceed();
}

void FileRelay::begin_file(std::int64_t size, std::string hash, std::string name) {
  VALIDATE(is_plain(name), "'", printable(name), "' is not a name for a copy");
  size_ = size;
  taken_ = 0;
  hash_ = std::move(hash);
  name_ = std::move(name);
  std::string body(sizeof size_, '\0');
  std::memcpy(body.data(), &size_, sizeof size_);
  body += hash_ + name_;
  start(State::asking, true, message_of(Kind::begin, body));
  try {
    if (!has_copy()) create_copy();
  } catch (const InputError& error) {
    error_ = fmt::format("startup.directory on {}: {}", host_, error.what());
  }
  proceed();
}

fs::path FileRelay::target() const {
  return directory_->path() / name_;
}

bool FileRelay::has_copy() const {
  VALIDATE(directory_, "there is no directory for copies");
  std::error_code error;
  return fs::is_regular_file(target(), error) && static_cast<std::int64_t>(fs::file_size(target(), error)) == size_ &&
         hash_of(MappedFile(target()), on_wait_) == hash_;
}

void FileRelay::create_copy() {
  std::error_code ignored;
  fs::remove(target(), ignored);  // a copy of something else makes room
  fs::create_directories(target().parent_path(), ignored);
  const std::int64_t free = directory_->free_bytes();
  VALIDATE(size_ <= free, target().string(), " needs ", size_, " bytes, ", free,
           " are free: give a larger place (startup.directory), or let all ranks read the shared file "
           "(startup.distribute: never)");
  copy_.emplace(target());
  descriptor_ = ::open(copy_->path().c_str(), O_WRONLY | O_CLOEXEC);
  VALIDATE(descriptor_ >= 0, target().string(), ": cannot be written (", system_reason(errno), ")");
}

void FileRelay::take_chunk(std::span<const std::byte> chunk) {
  const Message message = message_of(Kind::chunk, chunk);
  for (Below& below : below_) {
    if (!below.wants) continue;
    below.line->send(message);
    ++below.unanswered;
  }
  taken_ += static_cast<std::int64_t>(chunk.size());
  if (descriptor_ < 0) return;
  if (const int error = write_all(descriptor_, chunk)) {
    fail_copy(fmt::format("{}: cannot be written ({})", target().string(), system_reason(error)));
  }
}

void FileRelay::fail_copy(const std::string& reason) {
  if (error_.empty()) error_ = fmt::format("startup.directory on {}: {}", host_, reason);
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  copy_.reset();
}

void FileRelay::finish_copy() {
  if (!copy_) return;
  ::close(std::exchange(descriptor_, -1));
  try {
    const std::string hash = hash_of(MappedFile(copy_->path()), on_wait_);
    VALIDATE(hash == hash_, target().string(), ": arrived damaged (hash ", hash, ", should be ", hash_,
             "), try again, and test this machine if it happens again");
    copy_->commit();
    copy_.reset();
  } catch (const InputError& error) {
    fail_copy(error.what());
  }
}

/// On to the next states as far as all that they wait for is there.
void FileRelay::proceed() {
  if (state_ == State::asking && std::ranges::none_of(below_, &Below::asked)) {
    const bool wants = copy_.has_value() || std::ranges::any_of(below_, &Below::wants);
    if (above_) above_->send(message_of(Kind::wants, std::string_view(wants ? "\1" : "\0", 1)));
    state_ = wants ? State::streaming : State::finishing;
  }
  if (state_ == State::streaming && taken_ == size_) {
    finish_copy();
    state_ = State::finishing;
  }
  if (state_ == State::finishing && std::ranges::all_of(below_, &Below::finished)) {
    state_ = State::idle;
    if (above_) above_->send(message_of(Kind::done, error_));
  }
}

}  // namespace pare::framework
