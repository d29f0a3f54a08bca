// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>

#include "search/app/verbs.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "search/store/run_file.hpp"

namespace pare::search {

int report(const Arguments& arguments) {
  const bool directory = std::filesystem::is_directory(arguments.file);
  const RunRecord record = read_run_file(directory ? arguments.file / "run.h5" : arguments.file);
  fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  return 0;
}

}  // namespace pare::search
