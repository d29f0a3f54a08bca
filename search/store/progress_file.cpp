// SPDX-License-Identifier: Apache-2.0
#include "search/store/progress_file.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <system_error>

#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"
#include "search/store/worker_fields.hpp"

namespace pare::search {
namespace {

using framework::Json;

std::string time_now() {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

Json to_json(const WorkerFacts& worker) {
  Json json = Json::object();
  for_each_worker_field(
      [&](const schema::Column& column, auto what) { json[std::string(json_key(column))] = worker.*what; });
  return json;
}

WorkerFacts worker_from(const Json& json) {
  WorkerFacts worker;
  for_each_worker_field(
      [&](const schema::Column& column, auto what) { json.at(std::string(json_key(column))).get_to(worker.*what); });
  return worker;
}

}  // namespace

std::filesystem::path progress_file(const std::filesystem::path& output) {
  return output / "progress.json";
}

void write_progress_file(const std::filesystem::path& file, RunProgress progress) {
  Json workers = Json::array();
  for (const WorkerFacts& worker : progress.crew.workers) workers.push_back(to_json(worker));
  const Json json = {{"time", time_now()},
                     {"running_seconds", progress.running_seconds},
                     {"stage", progress.stage},
                     {"done", progress.done},
                     {"total", progress.total},
                     {"stage_seconds", progress.stage_seconds},
                     {"unit", progress.unit},
                     {"note", progress.note},
                     {"search_tokens", progress.search_tokens},
                     {"token_limit", progress.token_limit},
                     {"budget_bytes", progress.budget_bytes},
                     {"device", progress.device},
                     {"workers", workers},
                     {"workers_seconds", progress.crew.seconds},
                     {"retries", progress.crew.retries},
                     {"lost_leases", progress.crew.lost_leases},
                     {"late_leases", progress.crew.late_leases}};
  framework::replace_file(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<RunProgress> read_progress_file(const std::filesystem::path& file) {
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown)) return std::nullopt;
  const Json json = framework::parse_json_file(file);
  try {
    RunProgress progress;
    json.at("time").get_to(progress.time);
    json.at("running_seconds").get_to(progress.running_seconds);
    json.at("stage").get_to(progress.stage);
    json.at("done").get_to(progress.done);
    json.at("total").get_to(progress.total);
    json.at("stage_seconds").get_to(progress.stage_seconds);
    json.at("unit").get_to(progress.unit);
    json.at("note").get_to(progress.note);
    json.at("search_tokens").get_to(progress.search_tokens);
    json.at("token_limit").get_to(progress.token_limit);
    json.at("budget_bytes").get_to(progress.budget_bytes);
    progress.device = json.value("device", "");
    for (const Json& worker : json.at("workers")) progress.crew.workers.push_back(worker_from(worker));
    json.at("workers_seconds").get_to(progress.crew.seconds);
    json.at("retries").get_to(progress.crew.retries);
    json.at("lost_leases").get_to(progress.crew.lost_leases);
    json.at("late_leases").get_to(progress.crew.late_leases);
    return progress;
  } catch (const nlohmann::json::exception&) {
    throw InputError(file.string() + ": is not the progress of a run, remove it");
  }
}

}  // namespace pare::search
