// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/gpu_timer.hpp"

#include <memory>
#include <vector>

#include <cuda_runtime_api.h>

#include "kernels/core/cuda_check.cuh"

namespace pare::bench {
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

  void record(const kernels::Stream& stream) { CUDA_CALL(cudaEventRecord(event_, stream.handle())); }
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
  Graph(const kernels::Stream& stream, int calls, int sets, const std::function<void(int)>& run) {
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

  double replay(const kernels::Stream& stream) {
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

}  // namespace

std::vector<GpuTime> time_by_turns(const kernels::Stream& stream, int sets,
                                   const std::vector<std::function<void(int)>>& runs) {
  std::vector<std::unique_ptr<Graph>> graphs;
  std::vector<int> calls;
  double whole = 0.0;
  for (const auto& run : runs) {
    for (int i = 0; i < sets; ++i) run(i);
    stream.synchronize();
    Graph trial(stream, sets, sets, run);
    trial.replay(stream);
    const double one = trial.replay(stream) / sets;
    // A replay of a few hundred microseconds hides its own launch.
    calls.push_back(sets * std::clamp(static_cast<int>(300e-6 / (one * sets)), 1, 32));
    graphs.push_back(std::make_unique<Graph>(stream, calls.back(), sets, run));
    whole = std::max(whole, graphs.back()->replay(stream));
  }
  const int replays = std::clamp(static_cast<int>(measured_seconds / whole), fewest_replays, most_replays);
  std::vector<std::vector<double>> seconds(runs.size());
  for (int i = 0; i < replays; ++i) {
    for (std::size_t j = 0; j < runs.size(); ++j) seconds[j].push_back(graphs[j]->replay(stream) / calls[j]);
  }
  std::vector<GpuTime> times;
  for (std::vector<double>& of_run : seconds) {
    std::sort(of_run.begin(), of_run.end());
    times.push_back({of_run[of_run.size() / 2], of_run.front(), of_run.back()});
  }
  return times;
}

GpuTime time_on_gpu(const kernels::Stream& stream, int sets, const std::function<void(int)>& run) {
  return time_by_turns(stream, sets, {run}).front();
}

}  // namespace pare::bench
