// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <utility>

#include "framework/io/atomic_file.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/io/temporary_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::MappedFile;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::size_t files_in(const ScratchDirectory& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory.path()), std::filesystem::directory_iterator()));
}

TEST(MappedFile, ShowsTheBytesAndSurvivesAMove) {
  const ScratchDirectory directory;
  framework::write_file_atomically(directory / "a", "hello");
  MappedFile file(directory / "a");
  const std::byte* before = file.bytes().data();

  const MappedFile moved = std::move(file);

  EXPECT_EQ(text_of(moved), "hello");
  EXPECT_EQ(moved.bytes().data(), before);
}

TEST(MappedFile, AcceptsAnEmptyFile) {
  const ScratchDirectory directory;
  framework::write_file_atomically(directory / "a", "");

  EXPECT_TRUE(MappedFile(directory / "a").bytes().empty());
}

TEST(MappedFile, NamesPathAndReason) {
  const ScratchDirectory directory;
  EXPECT_EQ(error_of([&] { MappedFile(directory / "none"); }),
            (directory / "none").string() + ": cannot be opened (No such file or directory)");
  EXPECT_EQ(error_of([&] { MappedFile(directory.path()); }), directory.path().string() + ": is not a regular file");
}

TEST(AtomicFile, ReplacesTheFileAndLeavesNothingElse) {
  const ScratchDirectory directory;
  framework::write_file_atomically(directory / "a", "old, and longer");
  framework::write_file_atomically(directory / "a", "new");

  EXPECT_EQ(text_of(MappedFile(directory / "a")), "new");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(AtomicFile, NamesTheDirectoryThatIsMissing) {
  const ScratchDirectory directory;
  const std::string path = (directory / "none/a").string();
  EXPECT_EQ(
      error_of([&] { framework::write_file_atomically(path, "x"); }),
      path + ": cannot be created in the directory " + (directory / "none").string() + " (No such file or directory)");
}

TEST(AtomicFile, LeavesTheOldFileAndNoOtherWhenItCannotReplaceIt) {
  const ScratchDirectory directory;
  std::filesystem::create_directories(directory / "a/b");

  const std::string error = error_of([&] { framework::write_file_atomically(directory / "a", "x"); });

  EXPECT_EQ(error, (directory / "a").string() + ": cannot be put in place (Is a directory)");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(TemporaryFile, IsRemovedWithoutCommit) {
  const ScratchDirectory directory;
  {
    framework::TemporaryFile file(directory / "a");
    const framework::TemporaryFile moved = std::move(file);
    EXPECT_EQ(files_in(directory), 1u);
    EXPECT_EQ(moved.target(), directory / "a");
  }
  EXPECT_EQ(files_in(directory), 0u);
}

TEST(Hasher, HashesWhatCameInAnyParts) {
  framework::Hasher whole;
  whole.update("hello world");
  framework::Hasher parts;
  parts.update("hello ");
  parts.update("world");

  EXPECT_EQ(parts.hex(), whole.hex());
  EXPECT_EQ(framework::Hasher().hex(), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing
}

TEST(Hasher, HashesTheBytesOfNumbers) {
  framework::Hasher number;
  number.update_value(std::uint32_t{0x44434241});
  framework::Hasher text;
  text.update("ABCD");

  EXPECT_EQ(number.hex(), text.hex());
}

}  // namespace
}  // namespace pare::test
