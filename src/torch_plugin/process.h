// What libtorch has done to this process, and does once in each.
#pragma once

namespace onnxport::torch_plugin {

// See libtorch::Plugin.
void warm_up(int threads);
bool has_computed();

// By whatever computes with more than one thread.
void set_computed();

}  // namespace onnxport::torch_plugin
