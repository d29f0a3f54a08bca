// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>

#include "framework/comm/exit_code.hpp"
#include "framework/comm/launcher.hpp"
#include "framework/comm/process_group.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Message = std::vector<std::byte>;

void check_mpi(int status, const char* call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw std::runtime_error(pare::detail::concatenate(call, " failed: ", std::string(text, text + length)));
}

#define MPI_CALL(function, ...) check_mpi(function(__VA_ARGS__), #function)

/// A message travels as parts: MPI counts are int, and a message may be longer than that. The tag of a part
/// says whether another one follows; MPI keeps the order of parts between two ranks.
constexpr std::size_t largest_part = std::size_t{32} << 20;
constexpr auto usual_init_limit = std::chrono::seconds(120);
constexpr auto finalize_limit = std::chrono::seconds(10);
// What is on its way to a lost rank never arrives.
constexpr auto last_messages_limit = std::chrono::seconds(1);

constexpr int last_part = 0;
constexpr int more_parts = 1;

/// Messages on their way out. Isend reads the buffer until Test says that it is done, which may be after the
/// channel is gone.
class Outbox {
 public:
  void send(MPI_Comm comm, int peer, std::span<const std::byte> message) {
    reap();
    Sending& sending = in_flight_.emplace_back();
    sending.message.assign(message.begin(), message.end());
    std::size_t begin = 0;
    do {
      const std::size_t count = std::min(largest_part, message.size() - begin);
      const int tag = begin + count < message.size() ? more_parts : last_part;
      MPI_Request& request = sending.requests.emplace_back(MPI_REQUEST_NULL);
      MPI_CALL(MPI_Isend, sending.message.data() + begin, static_cast<int>(count), MPI_BYTE, peer, tag, comm, &request);
      begin += count;
    } while (begin < message.size());
  }

  void reap() {
    for (auto sending = in_flight_.begin(); sending != in_flight_.end();) {
      int done = 0;
      MPI_CALL(MPI_Testall, static_cast<int>(sending->requests.size()), sending->requests.data(), &done,
               MPI_STATUSES_IGNORE);
      sending = done != 0 ? in_flight_.erase(sending) : std::next(sending);
    }
  }

  bool empty() const { return in_flight_.empty(); }

 private:
  struct Sending {
    Message message;
    std::vector<MPI_Request> requests;
  };
  std::list<Sending> in_flight_;
};

/// Sleeps 50 us the first time, longer and longer up to 500 us: polling must not take the core from the
/// evaluation.
class Pause {
 public:
  void operator()() {
    std::this_thread::sleep_for(next_);
    next_ = std::min(next_ * 2, std::chrono::microseconds(500));
  }

 private:
  std::chrono::microseconds next_{50};
};

class MpiChannel final : public Channel {
 public:
  MpiChannel(MPI_Comm comm, int peer, Outbox& outbox) : comm_(comm), peer_(peer), outbox_(outbox) {}

  /// A part that is being written into our buffer cannot be left alone.
  ~MpiChannel() override {
    if (receiving_ != MPI_REQUEST_NULL && std::uncaught_exceptions() == 0) MPI_Wait(&receiving_, MPI_STATUS_IGNORE);
  }

  void send(std::span<const std::byte> message) override { outbox_.send(comm_, peer_, message); }

  std::optional<Message> try_receive() override {
    outbox_.reap();
    while (receiving_ != MPI_REQUEST_NULL || start_part()) {
      int done = 0;
      MPI_CALL(MPI_Test, &receiving_, &done, MPI_STATUS_IGNORE);
      if (done == 0) return std::nullopt;
      if (part_tag_ == last_part) return std::exchange(incoming_, {});
    }
    return std::nullopt;
  }

  Message receive() override {
    for (Pause pause;; pause())
      if (auto message = try_receive()) return std::move(*message);
  }

 private:
  /// Starts to receive the next part behind what is already in `incoming_`, if one has arrived.
  bool start_part() {
    int arrived = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    MPI_CALL(MPI_Improbe, peer_, MPI_ANY_TAG, comm_, &arrived, &handle, &status);
    if (arrived == 0) return false;
    int count = 0;
    MPI_CALL(MPI_Get_count, &status, MPI_BYTE, &count);
    const std::size_t begin = incoming_.size();
    incoming_.resize(begin + static_cast<std::size_t>(count));
    part_tag_ = status.MPI_TAG;
    MPI_CALL(MPI_Imrecv, incoming_.data() + begin, count, MPI_BYTE, &handle, &receiving_);
    return true;
  }

  MPI_Comm comm_;
  int peer_;
  Outbox& outbox_;
  Message incoming_;
  MPI_Request receiving_ = MPI_REQUEST_NULL;
  int part_tag_ = last_part;
};

}  // namespace

/// Duplicates of the world, so that no library's messages mix with ours, one for each kind of traffic; MPI_COMM_NULL: one
/// rank, MPI untouched.
struct ProcessGroup::Implementation {
  std::array<MPI_Comm, 3> comms{MPI_COMM_NULL, MPI_COMM_NULL, MPI_COMM_NULL};
  std::vector<std::string> nodes{node_name()};
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  int unwinding_at_start = std::uncaught_exceptions();
  Outbox outbox;

  MPI_Comm comm(Traffic traffic = Traffic::tasks) const { return comms[static_cast<std::size_t>(traffic)]; }
};

namespace {

/// The name of every rank's node, by rank.
std::vector<std::string> gather_nodes(MPI_Comm comm, int size) {
  std::array<char, 256> mine{};
  const std::string name = node_name();
  std::copy(name.begin(), name.end(), mine.begin());
  std::vector<char> all(mine.size() * static_cast<std::size_t>(size));
  MPI_CALL(MPI_Allgather, mine.data(), static_cast<int>(mine.size()), MPI_CHAR, all.data(),
           static_cast<int>(mine.size()), MPI_CHAR, comm);
  std::vector<std::string> nodes;
  for (std::size_t begin = 0; begin < all.size(); begin += mine.size()) nodes.emplace_back(all.data() + begin);
  return nodes;
}

}  // namespace

ProcessGroup::ProcessGroup(int& argc, char**& argv, const Spawner::ChildMain& child_main)
    : spawner_(child_main), implementation_(std::make_unique<Implementation>()) {
  const Launcher launcher = find_launcher();
  if (!launcher.offers_mpi) {
    VALIDATE(launcher.tasks == 1, "srun started ", launcher.tasks,
             " tasks that cannot see each other: start them with srun --mpi=pmix, or with mpirun");
    return;
  }
  Implementation& group = *implementation_;
  watchdog_.end_with_parent();
  watchdog_.arm("MPI_Init has waited for the other ranks",
                seconds_from_environment("PARE_INIT_SECONDS", usual_init_limit), exit_code::temporary);
  int provided = MPI_THREAD_SINGLE;
  MPI_CALL(MPI_Init_thread, &argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_CALL(MPI_Comm_set_errhandler, MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  VALIDATE(provided >= MPI_THREAD_FUNNELED,
           "this MPI library does not allow threads beside the one that calls it (MPI_THREAD_FUNNELED): use "
           "another one");
  for (MPI_Comm& comm : group.comms) {
    MPI_CALL(MPI_Comm_dup, MPI_COMM_WORLD, &comm);
    MPI_CALL(MPI_Comm_set_errhandler, comm, MPI_ERRORS_RETURN);
  }
  MPI_CALL(MPI_Comm_rank, group.comm(), &group.rank);
  MPI_CALL(MPI_Comm_size, group.comm(), &group.size);
  group.nodes = gather_nodes(group.comm(), group.size);
  MPI_Comm host = MPI_COMM_NULL;
  MPI_CALL(MPI_Comm_split_type, group.comm(), MPI_COMM_TYPE_SHARED, group.rank, MPI_INFO_NULL, &host);
  MPI_CALL(MPI_Comm_rank, host, &group.local_rank);
  MPI_CALL(MPI_Comm_size, host, &group.local_size);
  MPI_CALL(MPI_Comm_free, &host);
  watchdog_.disarm();
}

ProcessGroup::~ProcessGroup() {
  if (std::uncaught_exceptions() > implementation_->unwinding_at_start) return;
  finish(exit_code::complete);
}

int ProcessGroup::finish(int exit_code) {
  Implementation& group = *implementation_;
  if (group.comm() == MPI_COMM_NULL) return exit_code;
  std::fflush(nullptr);
  watchdog_.arm("the last messages and MPI_Finalize have waited for other ranks", finalize_limit, exit_code);
  try {
    const auto start = std::chrono::steady_clock::now();
    for (Pause pause; !group.outbox.empty(); pause()) {
      group.outbox.reap();
      if (ranks_lost_ && std::chrono::steady_clock::now() - start > last_messages_limit) break;
    }
    if (ranks_lost_) _exit(exit_code);
    for (MPI_Comm& comm : group.comms) MPI_CALL(MPI_Comm_free, &comm);
    MPI_CALL(MPI_Finalize);
  } catch (const std::exception&) {
    // There is nobody left to tell; the launcher notices a rank that left without MPI_Finalize.
  }
  group.comms.fill(MPI_COMM_NULL);
  watchdog_.disarm();
  return exit_code;
}

bool ProcessGroup::has_mpi() {
  return true;
}
int ProcessGroup::rank() const {
  return implementation_->rank;
}
int ProcessGroup::size() const {
  return implementation_->size;
}
int ProcessGroup::local_size() const {
  return implementation_->local_size;
}
int ProcessGroup::local_rank() const {
  return implementation_->local_rank;
}

const std::vector<std::string>& ProcessGroup::nodes() const {
  return implementation_->nodes;
}

std::unique_ptr<Channel> ProcessGroup::channel(int peer, Traffic traffic) {
  EXPECT(peer >= 0 && peer < size() && peer != rank(), "rank ", rank(), " of ", size(), " asked for a line to ", peer);
  return std::make_unique<MpiChannel>(implementation_->comm(traffic), peer, implementation_->outbox);
}

void ProcessGroup::abort(int exit_code) {
  if (implementation_->comm() != MPI_COMM_NULL) MPI_Abort(implementation_->comm(), exit_code);
  std::_Exit(exit_code);
}

}  // namespace pare::framework
