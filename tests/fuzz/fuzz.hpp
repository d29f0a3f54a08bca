// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

#include "framework/config/utf8.hpp"
#include "kernels/core/error.hpp"

/// What the fuzz targets share. A target hands any bytes to a decoder; the decoder either understands them or throws
/// InputError with one printable line. Everything else (another exception, a report of a sanitizer, a broken round trip)
/// ends the process, and libFuzzer keeps the input.
namespace pare::fuzz {

/// Ends the process unless `holds`.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "broken promise: " << what << "\n";
  std::abort();
}

/// What users see must be one line that a terminal can show, however strange the bytes that it quotes.
inline void check_text(std::string_view text) {
  bool is_printable = !text.empty() && text.size() < 4096 && !framework::first_invalid_utf8(text);
  for (const char c : text) is_printable = is_printable && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  require(is_printable, "the text of an error is one printable line; it is: " + framework::printable(text));
}

/// Runs `decode`; whether it accepted its input.
template <class Decode>
bool accepts(const Decode& decode) {
  try {
    decode();
    return true;
  } catch (const InputError& error) {
    check_text(error.what());
    return false;
  }
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A directory in memory for decoders that read files by name; one a process, empty at first, removed at exit.
class ScratchDirectory {
 public:
  ScratchDirectory() : path_("/dev/shm/pare-fuzz-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Replaces the file of this name.
  std::filesystem::path write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream file(path_ / name, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    require(!file.fail(), "the scratch directory takes a file");
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace pare::fuzz
