// Sizes of tensors, numbers from tensors, and tensors from numbers.
#include "torchscript/numbers.h"

#include <fmt/format.h>

#include <algorithm>

#include "torchscript/builtin.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

// --- sizes

BUILTIN("aten::size", [](Evaluator& e, Call& call) {
  const auto* x = call.in[0]->as<Tensor>();
  if (x == nullptr) return false;
  if (call.in.size() == 1) {
    std::vector<Ref> sizes;
    for (const Expr& size : x->dims) sizes.push_back(size_number(e, size));
    call.out = {int_list(std::move(sizes))};
    return true;
  }
  int64_t dim = constant_int(call.in[1], "a dimension");
  const auto rank = static_cast<int64_t>(x->dims.size());
  if (dim < 0) dim += rank;
  if (dim < 0 || dim >= rank) {
    throw Refusal(fmt::format("asks for dimension {} of a tensor of {}", dim, rank));
  }
  call.out = {size_number(e, x->dims[static_cast<size_t>(dim)])};
  return true;
});

BUILTIN("aten::dim", [](Evaluator&, Call& call) {
  const auto* x = call.in[0]->as<Tensor>();
  if (x == nullptr) return false;
  call.out = {plain(static_cast<int64_t>(x->dims.size()))};
  return true;
});

BUILTIN("aten::numel", [](Evaluator& e, Call& call) {
  const auto* x = call.in[0]->as<Tensor>();
  if (x == nullptr) return false;
  call.out = {size_number(e, product(x->dims))};
  return true;
});

// --- numbers from tensors

// The number that the tensor holds, as a number of this type.
bool take(Evaluator& e, Call& call, const c10::TypePtr& type) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {number_in(e, call, call.in[0], type)};
  return true;
}
bool take_any(Evaluator& e, Call& call) { return take(e, call, c10::NumberType::get()); }
bool take_int(Evaluator& e, Call& call) { return take(e, call, c10::IntType::get()); }
bool take_float(Evaluator& e, Call& call) { return take(e, call, c10::FloatType::get()); }
bool take_bool(Evaluator& e, Call& call) { return take(e, call, c10::BoolType::get()); }

BUILTIN("aten::item", take_any);
BUILTIN("aten::_local_scalar_dense", take_any);
BUILTIN("aten::ScalarImplicit", take_any);
BUILTIN("aten::Int", take_int);
BUILTIN("aten::IntImplicit", take_int);
BUILTIN("aten::Float", take_float);
BUILTIN("aten::FloatImplicit", take_float);
BUILTIN("aten::Bool", take_bool);
BUILTIN("aten::is_nonzero", take_bool);

BUILTIN("prim::tolist", [](Evaluator& e, Call& call) {
  if (!e.data().is_known(call.in[0])) {
    throw Refusal("makes a Python list of a tensor's data, which is not known when it is exported");
  }
  std::vector<c10::IValue> lists;
  for (size_t s = 0; s < kSamples; ++s) {
    Stack stack;
    for (const Ref& value : call.in) stack.push_back(e.data().ivalue(value, s, /*meta=*/false));
    call.run(stack);
    lists.push_back(std::move(stack.at(0)));
  }
  call.out = {from_samples(lists, call.output_type())};
  return true;
});

BUILTIN("aten::equal", [](Evaluator& e, Call& call) {
  if (!call.in[0]->is_tensor() || !call.in[1]->is_tensor()) return false;
  Ref same = record(e, call, "aten::eq", "Tensor", {{"self", call.in[0]}, {"other", call.in[1]}});
  Ref all = record(e, call, "aten::all", "", {{"self", same}});
  call.out = {number_in(e, call, all, c10::BoolType::get())};
  return true;
});

// --- tensors from numbers

BUILTIN("prim::NumToTensor", [](Evaluator& e, Call& call) {
  const Ref& x = call.in[0];
  if (x->is_tensor()) {
    call.out = {x};
    return true;
  }
  const Number& number = x->number();
  if (number.tensor) {
    call.out = {number.tensor};
    return true;
  }
  const at::ScalarType type = x->is_bool() ? at::kBool : x->is_int() ? at::kLong : at::kDouble;
  Ref out = record(e, call, "aten::scalar_tensor", "", {{"s", x}, {"dtype", dtype_number(type)}});
  if (x->is_int()) out->tensor().expr = expr_of(e, x);
  call.out = {out};
  return true;
});

// Numbers, tensors of one element and lists of them, as one tensor.
Ref build_tensor(Evaluator& e, Call& call, const Ref& data, const Ref& dtype) {
  if (data->is_list() || data->is<Tuple>()) {
    std::vector<Ref> items;
    for (const Ref& item : data->items()) items.push_back(build_tensor(e, call, item, dtype));
    if (items.empty()) throw Refusal("makes a tensor of an empty list of unknown type");
    return record(e, call, "aten::stack", "", {{"tensors", tensor_list(items)}});
  }
  Ref out = data->is_tensor() ? data : as_tensor(e, call, data);
  if (dtype->is_none()) return out;
  return to_type(e, call, out, static_cast<at::ScalarType>(dtype->at()[0].toInt()));
}

bool is_constant(const Ref& value) {
  if (value->is_tensor() || value->is_data() || value->is_size()) return false;
  return std::all_of(value->items().begin(), value->items().end(), is_constant);
}

// torch.tensor(data, dtype, device): of plain numbers it is a constant.
bool make_tensor(Evaluator& e, Call& call) {
  if (!is_constant(call.in[0])) {
    Ref dtype = call.in.size() > 1 && call.in[1]->is_int() ? call.in[1] : none();
    call.out = {build_tensor(e, call, call.in[0], dtype)};
    return true;
  }
  Stack stack;
  for (const Ref& value : call.in) stack.push_back(e.data().ivalue(value, 0, false));
  call.run(stack);
  Tensor made;
  made.literal = true;
  made.stored = stack[0].toTensor().detach();
  for (int64_t size : made.stored.sizes()) made.dims.emplace_back(size);
  if (made.stored.dim() == 0 && at::isIntegralType(made.stored.scalar_type(), false)) {
    made.expr = Expr(made.stored.item().toLong());
  }
  call.out = {make(std::move(made))};
  return true;
}

BUILTIN("aten::tensor", make_tensor);
BUILTIN("aten::as_tensor", make_tensor);

}  // namespace
}  // namespace onnxport::torchscript
