// SPDX-License-Identifier: Apache-2.0
#include "framework/io/atomic_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "framework/io/system_error.hpp"
#include "framework/io/temporary_file.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  TemporaryFile file(path);
  std::ofstream out(file.path(), std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  VALIDATE(!out.fail(), path.string(), ": cannot be written (", system_reason(errno), ")");
  file.commit();
}

void replace_file(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path temporary = path.parent_path() / ("." + path.filename().string() + ".tmp");
  std::ofstream out(temporary, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  const bool sound = !out.fail() && std::rename(temporary.c_str(), path.c_str()) == 0;
  VALIDATE(sound, path.string(), ": cannot be written (", system_reason(errno), ")");
}

}  // namespace pare::framework
