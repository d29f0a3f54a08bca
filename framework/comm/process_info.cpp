// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/process_info.hpp"

#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace pare::framework {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::optional<ProcessInfo> find_process(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::ostringstream contents;
  contents << file.rdbuf();  // unlike the iterators of a stream this throws nothing when the process ends meanwhile
  const std::string text = contents.str();
  // The name in front of the third field may hold anything but ends with ')'.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
  if (words.size() < 20) return std::nullopt;
  return ProcessInfo{words[0].front(), static_cast<pid_t>(std::stol(words[3])), words[19]};
}

}  // namespace pare::framework
