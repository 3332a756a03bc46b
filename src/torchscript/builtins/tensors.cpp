// Calls on tensors that stand for another call.
#include <ATen/core/dispatch/Dispatcher.h>

#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

// cpu(), cuda(): every tensor of the file is where the file is run.
bool stay(Evaluator&, Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {call.in[0]};
  return true;
}

BUILTIN("aten::cpu", stay);
BUILTIN("aten::cuda", stay);

// to(device), to(other), to(device, dtype)...: spelled by JIT in ways that no dispatcher knows.
BUILTIN("aten::to", [](Evaluator& e, Call& call) {
  const Ref& x = call.in[0];
  if (!x->is_tensor() || call.overload() == "dtype") return false;
  const c10::FunctionSchema& schema = call.schema();
  const at::ScalarType have = e.data().dtype(x);
  Ref dtype = dtype_number(have);
  bool copy = false;
  for (size_t i = 1; i < call.in.size(); ++i) {
    const Ref& value = call.in[i];
    const std::string& name = schema.arguments()[i].name();
    if (name == "other" && value->is_tensor()) {
      dtype = dtype_number(e.data().dtype(value));
    } else if (name == "dtype" && value->is_int()) {
      dtype = value;
    } else if (name == "copy" && value->is_bool()) {
      copy = value->at()[0].toBool();
    }
  }
  const bool same = constant_int(dtype, "a dtype") == static_cast<int64_t>(have);
  if (same) {
    call.out = {copy ? record(e, call, "aten::clone", "", {{"self", x}}) : x};
  } else {
    call.out = {record(e, call, "aten::to", "dtype", {{"self", x}, {"dtype", dtype}})};
  }
  return true;
});

// stack and cat of a list that a loop has filled: the elements lie stacked already.
bool join_stacked(Evaluator& e, Call& call) {
  if (!call.in[0]->is_stacked()) return false;
  const Ref all = call.in[0]->list().stacked;
  const auto rank = static_cast<int64_t>(all->tensor().dims.size());
  int64_t dim = call.in.size() > 1 ? constant_int(call.in[1], "a dimension") : 0;
  const bool stack = call.name == "aten::stack";
  if (dim < 0) dim += stack ? rank : rank - 1;
  const Ref moved =
      dim == 0
          ? all
          : record(e, call, "aten::movedim", "int",
                   {{"self", all}, {"source", plain(int64_t{0})}, {"destination", plain(dim)}});
  call.out = {
      stack ? moved
            : record(e, call, "aten::flatten", "using_ints",
                     {{"self", moved}, {"start_dim", plain(dim)}, {"end_dim", plain(dim + 1)}})};
  return true;
}

BUILTIN("aten::stack", join_stacked);
BUILTIN("aten::cat", join_stacked);
BUILTIN("aten::concat", join_stacked);

// x * n with a number n that depends on the data: the overload that takes a tensor.
bool take_tensor_overload(Evaluator& e, Call& call) {
  if (!call.has_schema() || call.in.size() < 2 || !call.in[0]->is_tensor()) return false;
  if (!call.in[1]->is_data()) return false;
  const std::string name = call.schema().name();
  std::string overload = call.overload();
  const size_t at = overload.find("Scalar");
  if (at == std::string::npos) return false;
  overload = overload == "Tensor_Scalar" ? "Tensor_Tensor" : overload.replace(at, 6, "Tensor");
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) return false;
  Arguments args;
  for (size_t i = 0; i < call.in.size(); ++i) {
    Ref value = i == 1 ? as_tensor(e, call, call.in[1]) : call.in[i];
    args.emplace_back(handle->schema().arguments()[i].name(), value);
  }
  call.out = record_all(e, call, name, overload, args);
  return true;
}

BUILTIN("aten::add", take_tensor_overload);
BUILTIN("aten::sub", take_tensor_overload);
BUILTIN("aten::mul", take_tensor_overload);
BUILTIN("aten::div", take_tensor_overload);
BUILTIN("aten::pow", take_tensor_overload);
BUILTIN("aten::lt", take_tensor_overload);
BUILTIN("aten::le", take_tensor_overload);
BUILTIN("aten::gt", take_tensor_overload);
BUILTIN("aten::ge", take_tensor_overload);
BUILTIN("aten::eq", take_tensor_overload);
BUILTIN("aten::ne", take_tensor_overload);

}  // namespace
}  // namespace onnxport::torchscript
