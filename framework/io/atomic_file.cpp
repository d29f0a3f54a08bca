// SPDX-License-Identifier: Apache-2.0
#include "framework/io/atomic_file.hpp"

#include <cerrno>
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

}  // namespace pare::framework
