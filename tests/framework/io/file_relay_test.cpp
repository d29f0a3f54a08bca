// SPDX-License-Identifier: Apache-2.0
#include "framework/io/file_relay.hpp"

#include <gmock/gmock.h>
#include <sys/file.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

namespace fs = std::filesystem;
using framework::Channel;
using framework::FileRelay;
using framework::NodeDirectory;
using testing::AllOf;
using testing::HasSubstr;
using Message = std::vector<std::byte>;

/// The kinds of a message as its first byte says them.
constexpr std::byte directory_kind{0};
constexpr std::byte begin_kind{1};
constexpr std::byte chunk_kind{2};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// The line of a node to the one above it, on which every node hears of a directory of its own, as nodes with disks of
/// their own do. Counts chunks, and damages one if told to.
class NodeLine final : public Channel {
 public:
  NodeLine(std::unique_ptr<Channel> line, fs::path directory, std::atomic<int>& chunks, bool damages)
      : line_(std::move(line)), directory_(std::move(directory)), chunks_(chunks), damages_(damages) {}
  void send(std::span<const std::byte> message) override { line_->send(message); }
  Message receive() override { return line_->receive(); }
  std::optional<Message> try_receive() override {
    auto message = line_->try_receive();
    if (!message) return message;
    if (message->front() == directory_kind) {
      const std::string text = directory_.string();
      message->resize(1);
      for (const char c : text) message->push_back(static_cast<std::byte>(c));
    } else if (message->front() == chunk_kind) {
      if (++chunks_ == 1 && damages_) message->back() ^= std::byte{1};
    }
    return message;
  }

 private:
  std::unique_ptr<Channel> line_;
  fs::path directory_;
  std::atomic<int>& chunks_;
  bool damages_;
};

/// Nodes 1, 2, ... are threads; node n is below node (n - 1) / 2, node 0 is the test itself.
class FileRelayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "pare-relay-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    here_ = pattern;
    content_.resize((std::size_t{20} << 20) + 17);  // two chunks and a part
    for (std::size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<char>(i * i >> 7);
    write(source_ = here_ / "shared/bank.h5", content_);
  }

  void TearDown() override {
    root_.reset();
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    std::error_code ignored;
    fs::remove_all(here_, ignored);
  }

  fs::path directory(int node) const { return here_ / ("node" + std::to_string(node)) / "pare-run"; }

  void start(int nodes, int damaged = -1) {
    std::vector<std::vector<std::unique_ptr<Channel>>> below(static_cast<std::size_t>(nodes));
    std::vector<std::unique_ptr<Channel>> above(static_cast<std::size_t>(nodes));
    for (int n = 0; n < nodes; ++n) fs::create_directories(directory(n).parent_path());
    for (int n = 1; n < nodes; ++n) {
      auto [up, down] = framework::make_thread_channel();
      below[static_cast<std::size_t>((n - 1) / 2)].push_back(std::move(up));
      above[static_cast<std::size_t>(n)] =
          std::make_unique<NodeLine>(std::move(down), directory(n), chunks_[n], n == damaged);
    }
    for (int n = 1; n < nodes; ++n) {
      const auto at = static_cast<std::size_t>(n);
      threads_.emplace_back([this, n, line = std::move(above[at]), lines = std::move(below[at])]() mutable {
        FileRelay relay("host" + std::to_string(n), std::move(line), std::move(lines));
        try {
          while (!stop_)
            if (!relay.step()) std::this_thread::sleep_for(std::chrono::microseconds(100));
        } catch (const std::exception&) {
          // The test has ended, or the line above.
        }
      });
    }
    root_.emplace("host0", nullptr, std::move(below[0]));
    root_->open(directory(0));
  }

  std::string message_of_send() {
    try {
      root_->send(source_, "bank.h5");
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path here_;
  fs::path source_;
  std::string content_;
  std::optional<FileRelay> root_;
  std::array<std::atomic<int>, 8> chunks_{};
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

TEST_F(FileRelayTest, BringsFilesToEveryNode) {
  start(7);
  write(here_ / "shared/empty", "");

  EXPECT_EQ(root_->send(source_, "bank.h5"), directory(0) / "bank.h5");
  root_->send(here_ / "shared/empty", "model/empty");

  for (int n = 0; n < 7; ++n) {
    EXPECT_TRUE(read(directory(n) / "bank.h5") == content_) << n;
    EXPECT_TRUE(fs::exists(directory(n) / "model/empty")) << n;
    EXPECT_EQ(chunks_[n], n == 0 ? 0 : 3) << n;
  }
}

TEST_F(FileRelayTest, SendsNothingToANodeThatHasTheFile) {
  write(directory(2) / "bank.h5", content_);
  start(4);

  root_->send(source_, "bank.h5");

  EXPECT_EQ(chunks_[2], 0);
  EXPECT_EQ(chunks_[1], 3);
  EXPECT_TRUE(read(directory(3) / "bank.h5") == content_);
}

TEST_F(FileRelayTest, ReachesTheNodesBelowOneThatHasTheFile) {
  write(directory(1) / "bank.h5", content_);
  start(4);

  root_->send(source_, "bank.h5");

  EXPECT_TRUE(read(directory(3) / "bank.h5") == content_);  // below node 1
}

TEST_F(FileRelayTest, ReplacesACopyThatIsDamaged) {
  std::string damaged = content_;
  damaged[12345] ^= 1;
  write(directory(1) / "bank.h5", damaged);
  start(2);

  root_->send(source_, "bank.h5");

  EXPECT_TRUE(read(directory(1) / "bank.h5") == content_);
}

TEST_F(FileRelayTest, RefusesWhatArrivesDamaged) {
  start(3, 2);

  EXPECT_THAT(message_of_send(), AllOf(HasSubstr("startup.directory on host2"), HasSubstr("bank.h5: arrived damaged")));
  EXPECT_FALSE(fs::exists(directory(2) / "bank.h5"));
  EXPECT_EQ(message_of_send(), "no error");  // the next time it arrives well
}

TEST_F(FileRelayTest, NamesTheNodeThatCannotHoldADirectory) {
  start(3);
  fs::create_directories(here_ / "other");
  fs::remove_all(directory(2).parent_path());
  try {
    root_->open(here_ / "other/pare-next");
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("startup.directory on host2"), HasSubstr("cannot be made (No such file")));
  }
}

TEST_F(FileRelayTest, RemovesItsCopiesAtTheEnd) {
  start(3);
  root_->send(source_, "bank.h5");

  TearDown();
  threads_.clear();

  for (int n = 0; n < 3; ++n) EXPECT_FALSE(fs::exists(directory(n))) << n;
}

TEST_F(FileRelayTest, RefusesMessagesThatNoRelaySends) {
  std::mt19937 random(5);
  const auto refused = [&](const Message& message) {
    auto [here, there] = framework::make_thread_channel();
    FileRelay relay("host1", std::move(there), {});
    here->send(message);
    try {
      relay.step();
    } catch (const InputError&) {
      return true;
    }
    return false;
  };
  const auto begin = [](const std::string& name) {
    Message message(1 + 8 + 32);
    message[0] = begin_kind;
    for (const char c : name) message.push_back(static_cast<std::byte>(c));
    return message;
  };

  for (const char* name : {"../bank.h5", "/etc/passwd", "a/../../b", "", "."})
    EXPECT_TRUE(refused(begin(name))) << name;
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({chunk_kind, std::byte{1}}));
  for (int i = 0; i < 2000; ++i) {
    Message message(random() % 60);
    for (std::byte& byte : message) byte = static_cast<std::byte>(random());
    if (!message.empty()) message[0] = static_cast<std::byte>(1 + random() % 7);
    EXPECT_TRUE(refused(message) || message[0] == begin_kind);
  }
}

TEST_F(FileRelayTest, ClearsWhatAKilledRunLeftAndNothingElse) {
  write(here_ / "pare0-killed/.lock", "");
  write(here_ / "pare0-killed/bank.h5", "x");
  write(here_ / "pare0-alive/.lock", "");
  write(here_ / "another0-run/.lock", "");
  const NodeDirectory alive(here_ / "pare0-alive");

  const NodeDirectory mine(here_ / "pare0-mine");

  EXPECT_FALSE(fs::exists(here_ / "pare0-killed"));
  EXPECT_TRUE(fs::exists(here_ / "pare0-alive"));
  EXPECT_TRUE(fs::exists(here_ / "another0-run"));
  EXPECT_GT(mine.free_bytes(), 0);
}

}  // namespace
}  // namespace pare::test
