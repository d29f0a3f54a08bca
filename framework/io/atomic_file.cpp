// SPDX-License-Identifier: Apache-2.0
#include "framework/io/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0;
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  const std::string temporary = path.string() + ".tmp" + std::to_string(::getpid());
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  VALIDATE(descriptor >= 0, path.string(), ": cannot be written (", std::strerror(errno), ")");
  const bool written = write_all(descriptor, text);
  const int error = errno;
  ::close(descriptor);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(written ? errno : error);
    ::unlink(temporary.c_str());
    throw InputError(path.string() + ": cannot be written (" + reason + ")");
  }
}

}  // namespace pare::framework
