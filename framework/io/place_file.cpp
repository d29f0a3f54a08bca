// SPDX-License-Identifier: Apache-2.0
#include "framework/io/place_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include <fmt/core.h>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

namespace fs = std::filesystem;

fs::path hidden_name(const fs::path& target, std::string_view ending) {
  std::random_device random;
  return target.parent_path() /
         fmt::format(".{}.{:08x}{:08x}{}", target.filename().string(), random(), random(), ending);
}

void synchronize(const fs::path& path, const fs::path& target) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool sound = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  VALIDATE(sound, target.string(), ": cannot be written to the disk (", system_reason(error), ")");
}

void put_in_place(const fs::path& from, const fs::path& to, const fs::path& target) {
  std::error_code error;
  fs::rename(from, to, error);
  VALIDATE(!error, target.string(), ": cannot be put in place (", error.message(), ")");
}

}  // namespace pare::framework
