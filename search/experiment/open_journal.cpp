// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/open_journal.hpp"

#include "search/store/run_directory.hpp"

namespace pare::search {

Journal open_journal(const std::filesystem::path& directory, const std::string& identity, const Plan& plan,
                     const Session& session, Progress& progress) {
  return Journal::open(journal_path(directory),
                       {.run = {},
                        .experiment = identity,
                        .model = plan.model.hash(),
                        .data = framework::hash_of(session.text()),
                        .build = framework::build_and_device_id(session.device())},
                       {.fence = {.say = [&progress](const std::string& text) { progress.say(text); }}});
}

}  // namespace pare::search
