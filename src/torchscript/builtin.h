// BUILTIN("aten::append", [](Evaluator& e, Call& call) { ...; return true; });
//
// How a TorchScript operator is evaluated where running it in every shape sample does not do: what
// works on lists, modules and control flow, what takes a number from a tensor, what has results as
// large as the data says, and what stands for several calls. A builtin fills in call.out and
// returns true; false: "not for me", so that the next builtin of that name, or else the operator
// itself, has its turn. Builtins that share a name must tell by their arguments: they come in any
// order.
//
// A family is a file in torchscript/builtins/; adding a builtin is a line there and a function in
// tests/builtins_test.py, which fails for a builtin that no function of its own uses.
#pragma once

#include <string>
#include <vector>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

using Builtin = bool (*)(Evaluator&, Call&);

namespace internal {
bool add_builtin(const char* name, Builtin apply, bool recorded = false);
}

// The first builtin that does not decline; false: there is none.
bool apply_builtin(Evaluator& e, Call& call);
// The same of those that record() (tensor_calls.h) asks too: RECORDED_BUILTIN.
bool apply_recorded_builtin(Evaluator& e, Call& call);
std::vector<std::string> builtin_names();  // sorted

#define ONNXPORT_BUILTIN_NAME_(a, b) a##b
#define ONNXPORT_BUILTIN_NAME(a, b) ONNXPORT_BUILTIN_NAME_(a, b)
#define BUILTIN(name, ...)                                                          \
  static const bool ONNXPORT_BUILTIN_NAME(builtin_, __COUNTER__) [[maybe_unused]] = \
      ::onnxport::torchscript::internal::add_builtin(name, __VA_ARGS__)
// One that needs no node of the code, so that calls which stand for others go through it as well.
#define RECORDED_BUILTIN(name, ...)                                                 \
  static const bool ONNXPORT_BUILTIN_NAME(builtin_, __COUNTER__) [[maybe_unused]] = \
      ::onnxport::torchscript::internal::add_builtin(name, __VA_ARGS__, /*recorded=*/true)

}  // namespace onnxport::torchscript
