// Where a node of a .pt2 comes from: its metadata's stack trace and module stack, as people read
// them.
#pragma once

#include <string>
#include <string_view>

namespace onnxport::read {

// "model.py:42 in forward: x = self.conv(x)": the innermost frame outside PyTorch itself; "" if
// none.
std::string source_line(std::string_view stack_trace);

struct Module {
  std::string path;  // "layer4.2.conv3"; "" at the root
  std::string type;  // "torch.nn.modules.conv.Conv2d"
};
// The innermost entry of "key,path,type;key,path,type".
Module innermost_module(std::string_view nn_module_stack);

// "L['self'].layers[2].conv", "L__self___layers.2.conv" and the like as "layers.2.conv".
std::string dotted_path(std::string_view path);

}  // namespace onnxport::read
