#include "torch_plugin/process.h"

#include <ATen/Parallel.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#undef CHECK  // c10's; ours follows

#include <atomic>
#include <exception>

namespace onnxport::torch_plugin {
namespace {

std::atomic<bool> computed = false;

}  // namespace

void set_computed() { computed = true; }

bool has_computed() { return computed; }

// Each of the libraries inside libtorch (its own kernels, oneDNN, MKL) looks for the processor's
// features when it is first used.
void warm_up(int threads) {
  const int later = threads > 0 ? threads : at::get_num_threads();
  at::set_num_threads(1);
  try {
    const c10::InferenceMode inference;
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      const at::Tensor image = at::ones({1, 8, 16, 16}, type);
      (void)at::conv2d(image, at::ones({8, 8, 3, 3}, type));
      (void)at::matmul(image, image);
    }
  } catch (const std::exception&) {  // the work itself will say what is wrong
  }
  at::set_num_threads(later);
}

}  // namespace onnxport::torch_plugin
