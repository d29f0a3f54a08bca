// SPDX-License-Identifier: Apache-2.0
#pragma once

// CUDA's own type behind cudaStream_t, so that this header needs no CUDA.
struct CUstream_st;

namespace pare::kernels {

/// An ordered queue of work on one GPU (a CUDA stream that does not wait for the default stream). Whoever makes it keeps
/// it alive until its work is done. Every launcher takes one, enqueues and returns; errors inside kernels surface at
/// synchronize(). The launchers of one stream are called from one host thread at a time, which has made `device` current
/// by constructing a Stream of that GPU or by make_current().
///
/// Throws InputError when there is no such GPU, DeviceError when CUDA fails.
class Stream {
 public:
  explicit Stream(int device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int device() const { return device_; }
  int multiprocessors() const { return multiprocessors_; }
  /// 10 * major + minor of the GPU.
  int compute_capability() const { return compute_capability_; }
  CUstream_st* handle() const { return handle_; }

  /// Makes the GPU the calling thread's current one.
  void make_current() const;

  /// Waits for everything enqueued so far.
  void synchronize() const;

 private:
  int device_;
  int multiprocessors_ = 0;
  int compute_capability_ = 0;
  CUstream_st* handle_ = nullptr;
};

}  // namespace pare::kernels
