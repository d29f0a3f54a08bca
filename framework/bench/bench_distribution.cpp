// SPDX-License-Identifier: Apache-2.0
//
//   mpirun --mca mpi_yield_when_idle 0 --oversubscribe -n NODES bench_distribution [MIB] [PLACE]
//
// How fast a file of MIB (1024) goes from rank 0 to the others, each of which passes for a node with a directory of its own
// below PLACE (/dev/shm), beside what bounds it: rank 0 hashes the file, and every node hashes and writes its copy. Nodes of
// one machine share its cores and its memory; the time per node is what counts here.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "framework/bench/seconds.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/relaying_channel.hpp"

namespace {

using namespace pare::framework;
namespace fs = std::filesystem;

constexpr std::size_t mib = std::size_t{1} << 20;

void write_blocks(const fs::path& file, std::size_t blocks, char first) {
  std::ofstream out(file, std::ios::binary);
  std::string block(mib, '\0');
  for (std::size_t b = 0; b < blocks; ++b) {
    std::fill(block.begin(), block.end(), static_cast<char>(first + static_cast<char>(b % 100)));
    out.write(block.data(), static_cast<std::streamsize>(block.size()));
  }
}

/// What a node does with a file, without its way there.
double seconds_of_a_copy(std::size_t blocks) {
  const std::string block(mib, 'x');
  return seconds([&] {
    Hasher hasher;
    std::ofstream out("copy", std::ios::binary);
    for (std::size_t b = 0; b < blocks; ++b) {
      hasher.update(block);
      out.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  const auto blocks = static_cast<std::size_t>(argc > 1 ? std::atoll(argv[1]) : 1024);
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  const std::string node = std::string("node") + (rank != nullptr ? rank : "0");
  ::setenv("SLURMD_NODENAME", node.c_str(), 1);
  const fs::path place = fs::path(argc > 2 ? argv[2] : "/dev/shm") / "bench_distribution" / node;
  fs::create_directories(place);
  fs::current_path(place);

  ProcessGroup group(argc, argv, [](Channel&) { return 0; });
  if (group.rank() > 0) {
    RelayingChannel(group).receive();
  } else {
    constexpr char repeats = 3;
    std::vector<double> copies, sends;
    for (char r = 0; r < repeats; ++r) copies.push_back(seconds_of_a_copy(blocks));
    {
      const auto relay = make_root_relay(group, [](std::size_t) {});
      relay->open("bench-run");
      for (char r = 0; r < repeats; ++r) {
        write_blocks("file", blocks, r);
        sends.push_back(seconds([&] { relay->send("file", fmt::format("file{}", int{r})); }));
      }
    }
    for (int other = 1; other < group.size(); ++other) group.channel(other)->send({});
    std::ranges::sort(copies);
    std::ranges::sort(sends);
    const double median = sends[repeats / 2];
    fmt::print("{} nodes, {} MiB, {} times\n", group.size(), blocks, int{repeats});
    fmt::print("hashed and written by one process  {:6.0f} MiB/s\n", static_cast<double>(blocks) / copies[repeats / 2]);
    fmt::print("brought to all nodes               {:6.0f} MiB/s ({:.2f} to {:.2f} s), {:.0f} MiB/s of copies\n",
               static_cast<double>(blocks) / median, sends.front(), sends.back(),
               static_cast<double>(blocks * static_cast<std::size_t>(group.size())) / median);
  }
  const int code = group.finish(0);
  fs::current_path("/");
  fs::remove_all(place);
  std::error_code not_the_last;
  fs::remove(place.parent_path(), not_the_last);
  return code;
}
