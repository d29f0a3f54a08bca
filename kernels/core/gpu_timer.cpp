// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/gpu_timer.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include "kernels/core/cuda_check.cuh"

namespace pare::kernels {
namespace {

constexpr double measured_seconds = 0.03;
constexpr int fewest_replays = 7;
constexpr int most_replays = 50;

class Event {
 public:
  Event() { CUDA_CALL(cudaEventCreate(&event_)); }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(const Stream& stream) { CUDA_CALL(cudaEventRecord(event_, stream.handle())); }
  double seconds_since(const Event& start) const {
    float milliseconds = 0.0f;
    CUDA_CALL(cudaEventElapsedTime(&milliseconds, start.event_, event_));
    return 1e-3 * double{milliseconds};
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// `calls` calls of run as one graph.
class Graph {
 public:
  Graph(const Stream& stream, int calls, int sets, const std::function<void(int)>& run) {
    CUDA_CALL(cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < calls; ++i) run(i % sets);
    cudaGraph_t graph = nullptr;
    CUDA_CALL(cudaStreamEndCapture(stream.handle(), &graph));
    CUDA_CALL(cudaGraphInstantiate(&graph_, graph, 0));
    CUDA_CALL(cudaGraphDestroy(graph));
  }
  ~Graph() { static_cast<void>(cudaGraphExecDestroy(graph_)); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  double replay(const Stream& stream) {
    start_.record(stream);
    CUDA_CALL(cudaGraphLaunch(graph_, stream.handle()));
    stop_.record(stream);
    stream.synchronize();
    return stop_.seconds_since(start_);
  }

 private:
  cudaGraphExec_t graph_ = nullptr;
  Event start_;
  Event stop_;
};

/// A graph of as many calls as hide its launch, replayed once.
struct Prepared {
  std::unique_ptr<Graph> graph;
  int calls = 0;
  double seconds = 0.0;  ///< of a replay

  double replay(const Stream& stream) const { return graph->replay(stream) / calls; }
};

Prepared prepare(const Stream& stream, int sets, const std::function<void(int)>& run) {
  for (int i = 0; i < sets; ++i) run(i);
  stream.synchronize();
  Graph trial(stream, sets, sets, run);
  trial.replay(stream);
  const double round = trial.replay(stream);
  Prepared prepared;
  prepared.calls = sets * std::clamp(static_cast<int>(300e-6 / round), 1, 32);
  prepared.graph = std::make_unique<Graph>(stream, prepared.calls, sets, run);
  prepared.seconds = prepared.graph->replay(stream);
  return prepared;
}

int replays_for(double seconds) {
  return std::clamp(static_cast<int>(measured_seconds / seconds), fewest_replays, most_replays);
}

GpuTime summary(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front(), seconds.back()};
}

}  // namespace

GpuTime time_on_gpu(const Stream& stream, int sets, const std::function<void(int)>& run, double warm_seconds) {
  const Prepared prepared = prepare(stream, sets, run);
  for (double warm = 0.0; warm < warm_seconds; warm += prepared.seconds) prepared.graph->replay(stream);
  std::vector<double> seconds;
  for (int i = 0; i < replays_for(prepared.seconds); ++i) seconds.push_back(prepared.replay(stream));
  return summary(std::move(seconds));
}

std::vector<GpuTime> time_by_turns(const Stream& stream, int sets, const std::vector<std::function<void(int)>>& runs) {
  std::vector<Prepared> prepared;
  double longest = 0.0;
  for (const auto& run : runs) {
    prepared.push_back(prepare(stream, sets, run));
    longest = std::max(longest, prepared.back().seconds);
  }
  std::vector<std::vector<double>> seconds(runs.size());
  for (int i = 0; i < replays_for(longest); ++i) {
    for (std::size_t j = 0; j < runs.size(); ++j) seconds[j].push_back(prepared[j].replay(stream));
  }
  std::vector<GpuTime> times;
  for (std::vector<double>& of_run : seconds) times.push_back(summary(std::move(of_run)));
  return times;
}

}  // namespace pare::kernels
