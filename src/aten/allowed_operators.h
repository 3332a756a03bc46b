// The operators that a file may have libtorch evaluate: pure computation. What a TorchScript
// archive's code and a .pt2's calls name is held to it before libtorch sees it.
#pragma once

#include <span>
#include <string_view>

namespace onnxport::aten {

// `op` without its overload: "aten::add".
bool is_allowed(std::string_view op);

// All of them, sorted.
std::span<const std::string_view> allowed_operators();

}  // namespace onnxport::aten
