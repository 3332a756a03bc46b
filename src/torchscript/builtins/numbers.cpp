// Numbers: sizes of tensors, numbers from tensors and tensors from numbers, and arithmetic on what
// depends on the data.
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

int64_t code_of(at::ScalarType type) { return static_cast<int64_t>(type); }

bool is_comparison(std::string_view name) {
  return name == "aten::lt" || name == "aten::le" || name == "aten::gt" || name == "aten::ge" ||
         name == "aten::eq" || name == "aten::ne";
}

}  // namespace

const TensorOp* tensor_op_of(std::string_view op) {
  static const std::unordered_map<std::string_view, TensorOp> kTensorOps = {
      {"aten::add", {"aten::add", "Tensor"}},
      {"aten::sub", {"aten::sub", "Tensor"}},
      {"aten::mul", {"aten::mul", "Tensor"}},
      {"aten::div", {"aten::div", "Tensor"}},
      {"aten::floordiv", {"aten::floor_divide", ""}},
      {"aten::remainder", {"aten::remainder", "Tensor"}},
      {"aten::pow", {"aten::pow", "Tensor_Tensor", "self", "exponent"}},
      {"aten::lt", {"aten::lt", "Tensor"}},
      {"aten::le", {"aten::le", "Tensor"}},
      {"aten::gt", {"aten::gt", "Tensor"}},
      {"aten::ge", {"aten::ge", "Tensor"}},
      {"aten::eq", {"aten::eq", "Tensor"}},
      {"aten::ne", {"aten::ne", "Tensor"}},
      {"aten::__and__", {"aten::logical_and", ""}},
      {"aten::__or__", {"aten::logical_or", ""}},
      {"aten::__xor__", {"aten::logical_xor", ""}},
      {"prim::min", {"aten::minimum", ""}},
      {"prim::max", {"aten::maximum", ""}},
      {"aten::neg", {"aten::neg", ""}},
      {"aten::abs", {"aten::abs", ""}},
      {"prim::abs", {"aten::abs", ""}},
      {"aten::__not__", {"aten::logical_not", ""}},
      {"aten::sqrt", {"aten::sqrt", ""}},
      {"aten::exp", {"aten::exp", ""}},
      {"aten::log", {"aten::log", ""}},
      {"aten::floor", {"aten::floor", ""}},
      {"aten::ceil", {"aten::ceil", ""}},
      {"aten::round", {"aten::round", ""}},
      {"aten::sin", {"aten::sin", ""}},
      {"aten::cos", {"aten::cos", ""}},
  };
  auto it = kTensorOps.find(op);
  return it == kTensorOps.end() ? nullptr : &it->second;
}

// --- numbers from tensors
// -----------------------------------------------------------------------

bool Evaluator::size_of(Call& call) {
  const Ref& x = call.in[0];
  if (!x->is_tensor()) return false;
  if (call.in.size() == 1) {
    std::vector<Ref> sizes;
    for (const Expr& e : x->dims) sizes.push_back(size_number(e));
    call.out = {list(c10::IntType::get(), std::move(sizes))};
    return true;
  }
  int64_t dim = constant_int(call.in[1], "a dimension");
  const auto rank = static_cast<int64_t>(x->dims.size());
  if (dim < 0) dim += rank;
  if (dim < 0 || dim >= rank) {
    throw Refusal(fmt::format("asks for dimension {} of a tensor of {}", dim, rank));
  }
  call.out = {size_number(x->dims[static_cast<size_t>(dim)])};
  return true;
}

bool Evaluator::dim_of(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {plain(static_cast<int64_t>(call.in[0]->dims.size()))};
  return true;
}

bool Evaluator::numel_of(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {size_number(product(call.in[0]->dims))};
  return true;
}

// The tensor itself where it is of that type.
Ref Evaluator::to_type(Call& call, const Ref& tensor, at::ScalarType type) {
  if (sample_tensor(tensor, 0, true).scalar_type() == type) return tensor;
  return record(call, "aten::to", "dtype", {{"self", tensor}, {"dtype", plain(code_of(type))}})[0];
}

// The tensor as it is now, whatever is written to it later.
Ref Evaluator::snapshot(Call& call, const Ref& tensor, at::ScalarType type) {
  Ref out = to_type(call, tensor, type);
  return out == tensor ? record(call, "aten::clone", "", {{"self", tensor}})[0] : out;
}

// What a tensor holds whose data is known in every sample.
Ref Evaluator::known_number(Call& call, const Ref& tensor, const c10::TypePtr& type) {
  using c10::TypeKind;
  std::vector<c10::IValue> at;
  for (const at::Tensor& t : tensor->tensors) {
    if (t.numel() != 1) throw Refusal("takes one number of a tensor with several");
    at::Scalar v = t.item();
    switch (type->kind()) {
      case TypeKind::IntType:
        at.emplace_back(v.to<int64_t>());
        break;
      case TypeKind::FloatType:
        at.emplace_back(v.to<double>());
        break;
      case TypeKind::BoolType:
        at.emplace_back(v.to<bool>());
        break;
      default:
        at.emplace_back(v);
    }
  }
  Ref out = number(std::move(at));
  if (out->is_int() && tensor->expr) out->expr = tensor->expr;
  if (same_everywhere(*out) || (out->is_int() && expr_of(out))) return out;
  out->tensor = snapshot(call, tensor,
                         out->is_bool()  ? at::kBool
                         : out->is_int() ? at::kLong
                                         : at::kDouble);
  if (out->is_int()) name_size(call, out);
  return out;
}

Ref Evaluator::data_number(Call& call, const Ref& tensor, const c10::TypePtr& type) {
  using c10::TypeKind;
  if (is_known(tensor)) return known_number(call, tensor, type);
  const at::ScalarType have = tensor->tensors[0].scalar_type();
  TypeKind kind = type->kind();
  if (kind == TypeKind::NumberType || kind == TypeKind::AnyType) {
    kind = have == at::kBool                 ? TypeKind::BoolType
           : at::isIntegralType(have, false) ? TypeKind::IntType
                                             : TypeKind::FloatType;
  }
  const at::ScalarType want = kind == TypeKind::BoolType  ? at::kBool
                              : kind == TypeKind::IntType ? at::kLong
                                                          : at::kFloat;
  const bool fits = have == want || (want == at::kFloat && at::isFloatingType(have));
  const Ref held = snapshot(call, tensor, fits ? have : want);
  auto out = std::make_shared<Value>();
  out->kind = Value::Kind::kNumber;
  out->data = true;
  out->tensor = held;
  if (want == at::kLong) {
    std::vector<int64_t> at = small_hints(2);
    out->expr = fresh_symbol(at, "u");
    for (int64_t v : at) out->at.emplace_back(v);
  } else {
    out->at.assign(count_, want == at::kBool ? c10::IValue(true) : c10::IValue(1.5));
  }
  record_item(call, held, out);
  return out;
}

Ref Evaluator::number_from_tensor(Call& call, const c10::TypePtr& type) {
  return data_number(call, call.in[0], type);
}

bool Evaluator::item(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {data_number(call, call.in[0], c10::NumberType::get())};
  return true;
}
bool Evaluator::to_int(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {number_from_tensor(call, c10::IntType::get())};
  return true;
}
bool Evaluator::to_float(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {number_from_tensor(call, c10::FloatType::get())};
  return true;
}
bool Evaluator::to_bool(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  call.out = {number_from_tensor(call, c10::BoolType::get())};
  return true;
}

bool Evaluator::tensor_to_list(Call& call) {
  if (!call.in[0]->is_tensor()) return false;
  if (!is_known(call.in[0])) {
    throw Refusal("makes a Python list of a tensor's data, which is not known when it is exported");
  }
  return false;
}

bool Evaluator::tensor_equal(Call& call) {
  if (!call.in[0]->is_tensor() || !call.in[1]->is_tensor()) return false;
  Ref same = record(call, "aten::eq", "Tensor", {{"self", call.in[0]}, {"other", call.in[1]}})[0];
  Ref all = record(call, "aten::all", "", {{"self", same}})[0];
  call.out = {data_number(call, all, c10::BoolType::get())};
  return true;
}

// --- tensors from numbers
// -----------------------------------------------------------------------

Ref Evaluator::as_tensor(Call& call, const Ref& value, at::ScalarType floats) {
  if (value->tensor) return value->tensor;
  if (!value->is_number()) throw Refusal("is not a number");
  const at::ScalarType type = value->is_bool() ? at::kBool : value->is_int() ? at::kLong : floats;
  const bool formula = value->is_int() && expr_of(value);
  const bool again = !value->data && !formula && !same_everywhere(*value);
  Ref out = again ? recompute(call, value)
                  : record(call, "aten::scalar_tensor", "",
                           {{"s", value}, {"dtype", plain(code_of(type))}})[0];
  if (value->is_int()) out->expr = expr_of(value);
  if ((value->data || again) && block_depth_ == 0) value->tensor = out;
  return out;
}

aten::ValueId Evaluator::scalar_id(Call& call, const Ref& value) {
  if (value->id.valid()) return value->id;
  const Ref tensor = as_tensor(call, value);
  const Ref made = std::make_shared<Value>(*value);
  if (!value->data) {
    record_item(call, tensor, made);
  } else {
    made->id = data_number(call, tensor, type_of(value))->id;
  }
  if (block_depth_ == 0) value->id = made->id;
  return made->id;
}

// A number that forward() returns: a tensor without dimensions.
void Evaluator::record_number_output(const Ref& value, const std::string& name) {
  Frame frame;
  Call call{nullptr, &frame, "aten::scalar_tensor", {}, {}};
  program_.outputs.push_back({value_id(as_tensor(call, value)), name});
}

bool Evaluator::num_to_tensor(Call& call) {
  const Ref& x = call.in[0];
  if (x->is_tensor()) {
    call.out = {x};
    return true;
  }
  if (x->tensor) {
    call.out = {x->tensor};
    return true;
  }
  const at::ScalarType type = x->is_bool() ? at::kBool : x->is_int() ? at::kLong : at::kDouble;
  call.out = record(call, "aten::scalar_tensor", "", {{"s", x}, {"dtype", plain(code_of(type))}});
  if (x->is_int()) call.out[0]->expr = expr_of(x);
  return true;
}

// Numbers, tensors of one element and lists of them, as one tensor.
Ref Evaluator::build_tensor(Call& call, const Ref& data, const Ref& dtype) {
  if (data->is_list() || data->kind == Value::Kind::kTuple) {
    std::vector<Ref> items;
    for (const Ref& item : data->items) items.push_back(build_tensor(call, item, dtype));
    if (items.empty()) throw Refusal("makes a tensor of an empty list of unknown type");
    return record(call, "aten::stack", "", {{"tensors", list(c10::TensorType::get(), items)}})[0];
  }
  Ref out = data->is_tensor() ? data : as_tensor(call, data);
  if (dtype->is_none()) return out;
  return to_type(call, out, static_cast<at::ScalarType>(dtype->at[0].toInt()));
}

// torch.tensor(data, dtype, device): of plain numbers it is a constant.
bool Evaluator::make_tensor(Call& call) {
  std::function<bool(const Ref&)> fixed = [&](const Ref& value) {
    if (value->is_tensor() || value->data) return false;
    if (value->is_number() && !same_everywhere(*value)) return false;
    return std::all_of(value->items.begin(), value->items.end(), fixed);
  };
  if (!fixed(call.in[0])) {
    Ref dtype = call.in.size() > 1 ? call.in[1] : none();
    if (!dtype->is_int()) dtype = none();
    call.out = {build_tensor(call, call.in[0], dtype)};
    return true;
  }
  torch::jit::Operation operation = call.node->getOperation();
  Stack stack;
  for (const Ref& value : call.in) stack.push_back(ivalue(value, 0, false));
  operation(stack);
  Ref out = std::make_shared<Value>();
  out->kind = Value::Kind::kTensor;
  out->literal = true;
  out->stored = stack[0].toTensor().detach();
  for (int64_t size : out->stored.sizes()) out->dims.emplace_back(size);
  if (out->stored.dim() == 0 && at::isIntegralType(out->stored.scalar_type(), false)) {
    out->expr = Expr(out->stored.item().toLong());
  }
  call.out = {out};
  return true;
}

// --- arithmetic on what depends on the data
// -------------------------------------------------------------------------------------------------

bool Evaluator::data_arithmetic(Call& call) {
  const bool data =
      std::any_of(call.in.begin(), call.in.end(), [](const Ref& c) { return c->data; });
  if (!data) return false;
  std::vector<Expr> exprs;
  for (const Ref& value : call.in) {
    auto expr = expr_of(value);
    if (expr) exprs.push_back(*expr);
  }
  const bool ints = exprs.size() == call.in.size();
  if (ints && formula(call.name, exprs)) return false;
  // Is there anything at all? The file is made for the case that there is.
  if (ints && exprs.size() == 2 && is_comparison(call.name)) {
    const Expr difference = exprs[0] - exprs[1];
    if (difference.is_const()) {
      plain_call_unchecked(call);
      return true;
    }
    const bool edge = exprs[1].is_const() && exprs[1].value() >= 0 && exprs[1].value() <= 1;
    bool sizes = true;
    for (const std::string& symbol : difference.symbols()) sizes = sizes && symbol[0] != 'u';
    if (edge && sizes) {
      note(fmt::format(
          "where a size depends on the data ({}), the file is made for the case that it "
          "is not {}",
          location(call), exprs[1].value()));
      plain_call_unchecked(call);
      return true;
    }
  }
  if (call.name == "aten::Int" || call.name == "aten::Float" || call.name == "aten::Bool") {
    call.out = {data_number(call, as_tensor(call, call.in[0]), call.node->output()->type())};
    return true;
  }
  const TensorOp* tensor_op = tensor_op_of(call.name);
  if (tensor_op == nullptr) throw Refusal("works on a number that depends on the data");
  std::vector<std::pair<std::string, Ref>> args = {{tensor_op->first, as_tensor(call, call.in[0])}};
  if (call.in.size() > 1) args.emplace_back(tensor_op->second, as_tensor(call, call.in[1]));
  Ref out = record(call, tensor_op->op, tensor_op->overload, args)[0];
  call.out = {data_number(call, out, call.node->output()->type())};
  return true;
}

// For what is the same in every sample although an argument depends on the data.
void Evaluator::plain_call_unchecked(Call& call) {
  std::vector<c10::IValue> results;
  torch::jit::Operation operation = call.node->getOperation();
  for (size_t w = 0; w < count_; ++w) {
    Stack stack;
    for (const Ref& value : call.in) stack.push_back(ivalue(value, w, true));
    operation(stack);
    results.push_back(std::move(stack[0]));
  }
  call.out = {from_samples(results, call.node->output()->type())};
}

const Evaluator::Handlers& number_handlers() {
  static const Evaluator::Handlers kHandlers = {
      {"aten::size", &Evaluator::size_of},
      {"aten::dim", &Evaluator::dim_of},
      {"aten::ndimension", &Evaluator::dim_of},
      {"aten::numel", &Evaluator::numel_of},
      {"aten::item", &Evaluator::item},
      {"aten::_local_scalar_dense", &Evaluator::item},
      {"aten::Int", &Evaluator::to_int},
      {"aten::IntImplicit", &Evaluator::to_int},
      {"aten::Float", &Evaluator::to_float},
      {"aten::FloatImplicit", &Evaluator::to_float},
      {"aten::ScalarImplicit", &Evaluator::item},
      {"aten::Bool", &Evaluator::to_bool},
      {"aten::is_nonzero", &Evaluator::to_bool},
      {"aten::equal", &Evaluator::tensor_equal},
      {"prim::tolist", &Evaluator::tensor_to_list},
      {"aten::tolist", &Evaluator::tensor_to_list},
      {"prim::NumToTensor", &Evaluator::num_to_tensor},
      {"aten::tensor", &Evaluator::make_tensor},
      {"aten::as_tensor", &Evaluator::make_tensor},
  };
  return kHandlers;
}

}  // namespace onnxport::torchscript
