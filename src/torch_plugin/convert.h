// Our tensors and arguments as libtorch's. The way back: torchscript/convert.h.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#undef CHECK  // c10's; ours follows

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"
#include "torchscript/convert.h"

namespace onnxport::torch_plugin {

using torchscript::dtype_of;
using torchscript::from_torch;
using torchscript::scalar_type;

// Shares the bytes where they are in memory; keeps `tensor`'s storage alive. With `widen`, floating
// dtypes of 32 bits and less become float64 (a copy).
Result<at::Tensor> to_torch(const Tensor& tensor, bool widen);

// What an argument may refer to while a program runs.
struct Environment {
  std::function<Result<c10::IValue>(aten::ValueId)> value;
  const std::map<std::string, int64_t>* symbols = nullptr;
  bool float64 = false;
};

// `arg` as libtorch's schema wants it for a parameter of this type. A number for a list parameter
// (int[2]) is repeated `list_size` times.
Result<c10::IValue> to_ivalue(const aten::Arg& arg, const c10::Type& type, int64_t list_size,
                              const Environment& env);

}  // namespace onnxport::torch_plugin
