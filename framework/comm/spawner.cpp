// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/spawner.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fmt/core.h>

namespace pare::framework {
namespace {

/// What the spawner is asked (with a socket for the child, or `child`: to be killed and waited for), and its answer.
struct Request {
  pid_t child = 0;  ///< 0: start one
};
struct Answer {
  pid_t child = -1;
  int status = 0;  ///< of waitpid, or errno where child is -1
};

[[noreturn]] void throw_system(const char* what) {
  throw std::runtime_error(std::string(what) + " failed (" + std::generic_category().message(errno) + ")");
}

std::array<Descriptor, 2> make_pair(int type) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair.data()) != 0) throw_system("socketpair");
  return {Descriptor(pair[0]), Descriptor(pair[1])};
}

/// Room for one descriptor beside a message (cmsg(3)).
union ControlBuffer {
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
  cmsghdr aligned;
};

bool send_request(int socket, const Request& request, const Descriptor* passed) {
  Request copy = request;
  iovec part{&copy, sizeof(copy)};
  ControlBuffer buffer{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed != nullptr) {
    message.msg_control = buffer.bytes.data();
    message.msg_controllen = buffer.bytes.size();
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = passed->number();
    std::memcpy(CMSG_DATA(control), &number, sizeof(number));
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(copy));
}

/// False when there is nobody left to ask.
bool receive_request(int socket, Request& request, Descriptor& passed) {
  iovec part{&request, sizeof(request)};
  ControlBuffer buffer{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = buffer.bytes.data();
  message.msg_controllen = buffer.bytes.size();
  ssize_t got = -1;
  do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof(request))) return false;
  if (const cmsghdr* control = CMSG_FIRSTHDR(&message)) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(control), sizeof(number));
    passed = Descriptor(number);
  }
  return true;
}

void die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) _exit(0);  // it was gone before the call above
}

void be_first_to_go() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(file, "1000", 4);  // a wish: without it the kernel chooses
  ::close(file);
}

[[noreturn]] void run_child(pid_t spawner, Descriptor socket, const Spawner::ChildMain& child_main) {
  die_with_parent(spawner);
  ::prctl(PR_SET_NAME, "pare-evaluator");
  be_first_to_go();
  int code = 1;
  // Open until the very end: whoever sees the line close may kill at once, and the exit code would be lost.
  const std::unique_ptr<Channel> parent = make_socket_channel(std::move(socket));
  try {
    code = child_main(*parent);
  } catch (const std::exception&) {
    // The line broke: the parent has closed it, and waits for nothing more.
  }
  _exit(code);
}

Answer start_child(Descriptor socket, const Spawner::ChildMain& child_main) {
  const pid_t spawner = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) run_child(spawner, std::move(socket), child_main);
  return {pid, pid < 0 ? errno : 0};
}

Answer end_child(pid_t child) {
  ::kill(child, SIGKILL);  // cannot hit a stranger: a child's number stays taken until it was waited for
  int status = 0;
  pid_t ended = -1;
  do ended = ::waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  return {ended, ended < 0 ? errno : status};
}

[[noreturn]] void run_spawner(pid_t parent, const Descriptor& control, const Spawner::ChildMain& child_main) {
  die_with_parent(parent);
  ::prctl(PR_SET_NAME, "pare-spawner");
  for (const int signal : {SIGINT, SIGUSR1, SIGUSR2}) ::signal(signal, SIG_IGN);
  Request request;
  Descriptor socket;
  while (receive_request(control.number(), request, socket)) {
    const Answer answer = request.child == 0 ? start_child(std::move(socket), child_main) : end_child(request.child);
    socket.close();
    if (::send(control.number(), &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer)) break;
  }
  _exit(0);
}

Answer receive_answer(int control) {
  Answer answer;
  ssize_t got = -1;
  do got = ::recv(control, &answer, sizeof(answer), 0);
  while (got < 0 && errno == EINTR);
  if (got != sizeof(answer)) throw std::runtime_error("the process that starts evaluators is gone");
  return answer;
}

}  // namespace

Spawner::Spawner(const ChildMain& child_main) {
  auto [here, there] = make_pair(SOCK_SEQPACKET);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_system("fork");
  if (pid_ == 0) {
    here.close();
    run_spawner(parent, there, child_main);
  }
  control_ = std::move(here);
}

Spawner::~Spawner() {
  control_.close();  // the spawner's word to end; its children follow it
  ::waitpid(pid_, nullptr, 0);
}

Spawner::Child Spawner::start() {
  auto [here, there] = make_pair(SOCK_STREAM);
  if (!send_request(control_.number(), {}, &there)) throw_system("asking for a process");
  const Answer answer = receive_answer(control_.number());
  if (answer.child < 0) {
    throw std::runtime_error("no process for an evaluator (" + std::generic_category().message(answer.status) + ")");
  }
  return {answer.child, make_socket_channel(std::move(here))};
}

std::string Spawner::end(pid_t child) {
  if (!send_request(control_.number(), {child}, nullptr)) throw_system("ending a process");
  const int status = receive_answer(control_.number()).status;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("ended by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace pare::framework
