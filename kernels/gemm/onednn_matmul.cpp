// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/onednn_matmul.hpp"

#include <algorithm>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "kernels/core/contract.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/gemm/one_thread.hpp"

namespace pare::kernels::detail {
namespace {

using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// CPU streams hold no state, but each thread has its own all the same.
dnnl::stream& stream() {
  thread_local dnnl::stream stream(cpu());
  return stream;
}

/// Library-managed scratchpads tie a primitive to the thread that created it; ours belong to the thread that
/// runs.
void* scratchpad(std::size_t bytes) {
  thread_local Matrix<std::byte> buffer;
  buffer.reshape(1, static_cast<std::int64_t>(bytes));
  return buffer.data();
}

[[noreturn]] void fail(const char* action, const dnnl::error& error, std::int64_t rows, std::int64_t outputs,
                       std::int64_t inputs) {
  throw InternalError(pare::detail::concatenate("oneDNN could not ", action, " a product of [", rows, ", ", inputs,
                                                "] and [", inputs, ", ", outputs, "]: ", error.what(), " (status ",
                                                static_cast<int>(error.status), ")"));
}

}  // namespace

struct OneDnnMatmul::Primitive {
  dnnl::matmul::primitive_desc description;
  dnnl::matmul matmul;
};

OneDnnMatmul::OneDnnMatmul(const void* weight, memory::data_type given, std::int64_t weight_stride,
                           std::int64_t outputs, std::int64_t inputs, memory::data_type x_type, memory::data_type kept,
                           memory::data_type out_type)
    : outputs_(outputs),
      inputs_(inputs),
      x_type_(x_type),
      out_type_(out_type),
      weight_layout_({inputs, outputs}, kept, memory::format_tag::any) {
  try {
    const OneThread one_thread;
    const Call tile{full_tile_rows, false, false};
    auto first = make_primitive(tile);
    weight_layout_ = first->description.weights_desc();
    const bool blocked = std::string_view(first->description.impl_info_str()).starts_with("brg");
    pads_ = !blocked && out_type == memory::data_type::f32;
    primitives_.emplace(tile, std::move(first));
    weight_ = memory(weight_layout_, cpu());
    const memory::desc plain({inputs, outputs}, given, memory::dims{1, weight_stride});
    memory source(plain, cpu(), const_cast<void*>(weight));
    dnnl::reorder(source, weight_).execute(stream(), source, weight_);
    stream().wait();
  } catch (const dnnl::error& error) {
    fail("prepare", error, full_tile_rows, outputs, inputs);
  }
}

OneDnnMatmul::~OneDnnMatmul() = default;

std::int64_t OneDnnMatmul::memory_bytes() const {
  return static_cast<std::int64_t>(weight_layout_.get_size());
}

std::unique_ptr<OneDnnMatmul::Primitive> OneDnnMatmul::make_primitive(const Call& call) const {
  const memory::desc x({call.rows, inputs_}, x_type_, memory::dims{inputs_, 1});
  const memory::desc out({call.rows, outputs_}, out_type_, memory::dims{outputs_, 1});
  const memory::desc bias({1, outputs_}, memory::data_type::f32, memory::dims{outputs_, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (call.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const dnnl::matmul::desc operation =
      call.bias ? dnnl::matmul::desc(x, weight_layout_, bias, out) : dnnl::matmul::desc(x, weight_layout_, out);
  const dnnl::matmul::primitive_desc description(operation, attributes, cpu());
  return std::make_unique<Primitive>(Primitive{description, dnnl::matmul(description)});
}

const OneDnnMatmul::Primitive& OneDnnMatmul::primitive(const Call& call) const {
  {
    const std::shared_lock lock(mutex_);
    const auto found = primitives_.find(call);
    if (found != primitives_.end()) return *found->second;
  }
  const std::unique_lock lock(mutex_);
  auto& slot = primitives_[call];
  if (!slot) slot = make_primitive(call);
  return *slot;
}

void OneDnnMatmul::run(const Call& call, const void* x, const float* bias, void* out) const {
  if (pads_) return run_padded(call, static_cast<const float*>(x), bias, static_cast<float*>(out));
  run_once(call, x, bias, out);
}

/// oneDNN's plain GEMM, which CPUs without AVX-512 get, orders its sums by the number of rows: here it always
/// sees padded_rows of them, the last ones filled up with zeros.
void OneDnnMatmul::run_padded(const Call& call, const float* x, const float* bias, float* out) const {
  constexpr std::int64_t padded_rows = 64;
  thread_local Matrix<float> padded_x;
  thread_local Matrix<float> padded_out;
  padded_x.reshape(padded_rows, inputs_);
  padded_out.reshape(padded_rows, outputs_);
  for (std::int64_t first = 0; first < call.rows; first += padded_rows) {
    const std::int64_t rows = std::min(padded_rows, call.rows - first);
    std::copy_n(x + first * inputs_, rows * inputs_, padded_x.data());
    std::fill(padded_x.row(rows), padded_x.row(padded_rows), 0.0f);
    std::fill_n(padded_out.data(), padded_out.size(), 0.0f);
    if (call.accumulate) std::copy_n(out + first * outputs_, rows * outputs_, padded_out.data());
    run_once({padded_rows, call.bias, call.accumulate}, padded_x.data(), bias, padded_out.data());
    std::copy_n(padded_out.data(), rows * outputs_, out + first * outputs_);
  }
}

void OneDnnMatmul::run_once(const Call& call, const void* x, const float* bias, void* out) const {
  try {
    const OneThread one_thread;
    const Primitive& chosen = primitive(call);
    const auto& description = chosen.description;
    std::unordered_map<int, memory> arguments{
        {DNNL_ARG_SRC, memory(description.src_desc(), cpu(), const_cast<void*>(x))},
        {DNNL_ARG_WEIGHTS, weight_},
        {DNNL_ARG_DST, memory(description.dst_desc(), cpu(), out)},
    };
    if (call.bias) {
      arguments.emplace(DNNL_ARG_BIAS, memory(description.bias_desc(), cpu(), const_cast<float*>(bias)));
    }
    const memory::desc scratch = description.scratchpad_desc();
    if (scratch.get_size() > 0) {
      arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch, cpu(), scratchpad(scratch.get_size())));
    }
    chosen.matmul.execute(stream(), arguments);
    stream().wait();
  } catch (const dnnl::error& error) {
    fail("run", error, call.rows, outputs_, inputs_);
  }
}

namespace {

/// The values of cpu_isa are sets of bits: an instruction set contains another when it has all its bits.
bool cpu_has(dnnl::cpu_isa wanted) {
  const auto all = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (all & static_cast<unsigned>(wanted)) == static_cast<unsigned>(wanted);
}

}  // namespace

bool has_bfloat16() {
  return cpu_has(dnnl::cpu_isa::avx512_core_bf16);
}

bool has_exact_int8() {
  return cpu_has(dnnl::cpu_isa::avx512_core_vnni) || cpu_has(dnnl::cpu_isa::avx2_vnni);
}

}  // namespace pare::kernels::detail
