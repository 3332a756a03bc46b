#include "torch_plugin/convert.h"

#include <ATen/ScalarOps.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cmath>
#include <utility>
#include <vector>

namespace onnxport::torch_plugin {
namespace {

bool is_small_float(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kFloat16 || dtype == DType::kBFloat16;
}

Result<int64_t> evaluate(const Expr& expr, const Environment& env) {
  if (auto v = expr.eval(*env.symbols)) return *v;
  return Error{"the size " + expr.str() + " has no value here", ""};
}

bool contains(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

Result<c10::IValue> word_value(const aten::Word& word) {
  switch (word.kind) {
    case aten::Word::Kind::kDevice:
      return c10::IValue(c10::Device(c10::kCPU));  // wherever the model was exported
    case aten::Word::Kind::kLayout:
      if (contains(word.text, "strided")) return c10::IValue(static_cast<int64_t>(at::kStrided));
      return Error{"layout " + word.text + " is not supported: only strided tensors are", ""};
    case aten::Word::Kind::kMemoryFormat: {
      auto format = at::MemoryFormat::Contiguous;
      if (contains(word.text, "preserve")) format = at::MemoryFormat::Preserve;
      if (contains(word.text, "channels_last")) format = at::MemoryFormat::ChannelsLast;
      if (contains(word.text, "channels_last_3d")) format = at::MemoryFormat::ChannelsLast3d;
      return c10::IValue(static_cast<int64_t>(format));
    }
    case aten::Word::Kind::kGenerator:
      return c10::IValue();
  }
  return Error{"unknown word " + word.text, ""};
}

// A Python number where a Tensor is expected: 0-D, and weak in type promotion, as in PyTorch.
Result<c10::IValue> as_tensor(const c10::IValue& number) {
  if (number.isTensor() || number.isNone()) return number;
  if (number.isScalar()) return c10::IValue(at::native::wrapped_scalar_tensor(number.toScalar()));
  return Error{"expected a tensor", ""};
}

Result<c10::IValue> as_int(const c10::IValue& v) {
  if (v.isBool()) return c10::IValue(static_cast<int64_t>(v.toBool()));
  if (v.isDouble() && std::floor(v.toDouble()) == v.toDouble()) {
    return c10::IValue(static_cast<int64_t>(v.toDouble()));
  }
  if (v.isTensor()) return c10::IValue(v.toTensor().item().toLong());
  if (v.isInt()) return v;
  return Error{"expected an integer", ""};
}

Result<c10::IValue> as_float(const c10::IValue& v) {
  if (v.isTensor()) return c10::IValue(v.toTensor().item().toDouble());
  if (v.isScalar()) return c10::IValue(v.toScalar().toDouble());
  return Error{"expected a number", ""};
}

// The scalar `v` made to fit `type`; other types take it as it is.
Result<c10::IValue> fit(c10::IValue v, const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType:
      return as_tensor(v);
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return as_int(v);
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType:
      return as_float(v);
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      if (v.isTensor()) return c10::IValue(v.toTensor().item().toBool());
      if (v.isInt()) return c10::IValue(v.toInt() != 0);
      return v;
    case c10::TypeKind::NumberType:
      if (v.isTensor()) return c10::IValue(v.toTensor().item());
      return v;
    default:
      return v;
  }
}

template <typename T, typename F>
Result<c10::IValue> make_list(const std::vector<c10::IValue>& items, F get) {
  c10::List<T> list;
  list.reserve(items.size());
  for (const c10::IValue& item : items) list.push_back(get(item));
  return c10::IValue(std::move(list));
}

Result<c10::IValue> list_value(const aten::ArgList& list, const c10::Type& element,
                               const Environment& env) {
  std::vector<c10::IValue> items;
  items.reserve(list.size());
  for (const aten::Arg& arg : list) {
    TRY_ASSIGN(c10::IValue item, to_ivalue(arg, element, 1, env));
    items.push_back(std::move(item));
  }
  switch (element.kind()) {
    case c10::TypeKind::TensorType:
      return make_list<at::Tensor>(items, [](const c10::IValue& v) { return v.toTensor(); });
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return make_list<int64_t>(items, [](const c10::IValue& v) { return v.toInt(); });
    case c10::TypeKind::FloatType:
      return make_list<double>(items, [](const c10::IValue& v) { return v.toDouble(); });
    case c10::TypeKind::BoolType:
      return make_list<bool>(items, [](const c10::IValue& v) { return v.toBool(); });
    case c10::TypeKind::StringType:
      return make_list<std::string>(items, [](const c10::IValue& v) { return v.toStringRef(); });
    case c10::TypeKind::NumberType:
      return make_list<at::Scalar>(items, [](const c10::IValue& v) { return v.toScalar(); });
    case c10::TypeKind::OptionalType:
      if (element.containedType(0)->kind() == c10::TypeKind::TensorType) {
        return make_list<std::optional<at::Tensor>>(items, [](const c10::IValue& v) {
          return v.isNone() ? std::nullopt : std::optional<at::Tensor>(v.toTensor());
        });
      }
      break;
    default:
      break;
  }
  return Error{"lists of " + element.str() + " are not supported", ""};
}

}  // namespace

Result<at::Tensor> to_torch(const Tensor& tensor, bool widen) {
  TRY_ASSIGN(at::ScalarType type, scalar_type(tensor.dtype));
  auto options = at::TensorOptions().dtype(type);
  at::Tensor out;
  if (tensor.nbytes() == 0) {
    out = at::empty(tensor.dims, options);
  } else if (auto view = tensor.storage->view();
             !view.empty() &&
             reinterpret_cast<uintptr_t>(view.data()) % byte_size(tensor.dtype) == 0) {
    // Programs are functional: nothing writes through this pointer.
    auto* data = const_cast<std::byte*>(view.data());
    out = at::from_blob(
        data, tensor.dims, [keep = tensor.storage](void*) {}, options);
  } else {
    out = at::empty(tensor.dims, options);
    tensor.storage->read(0, {static_cast<std::byte*>(out.mutable_data_ptr()), tensor.nbytes()});
  }
  return widen && is_small_float(tensor.dtype) ? out.to(at::kDouble) : out;
}

Result<c10::IValue> to_ivalue(const aten::Arg& arg, const c10::Type& type, int64_t list_size,
                              const Environment& env) {
  if (arg.is_none()) return c10::IValue();
  if (type.kind() == c10::TypeKind::OptionalType) {
    return to_ivalue(arg, *type.containedType(0), list_size, env);
  }
  if (auto* id = arg.as<aten::ValueId>()) {
    TRY_ASSIGN(c10::IValue v, env.value(*id));
    return fit(std::move(v), type);
  }
  if (auto* list = arg.as<aten::ArgList>()) {
    if (type.kind() != c10::TypeKind::ListType) return Error{"a list for a " + type.str(), ""};
    return list_value(*list, *type.containedType(0), env);
  }
  if (type.kind() == c10::TypeKind::ListType) {
    return list_value(aten::ArgList(static_cast<size_t>(list_size), arg), *type.containedType(0),
                      env);
  }
  if (auto* expr = arg.as<Expr>()) {
    TRY_ASSIGN(int64_t v, evaluate(*expr, env));
    return fit(c10::IValue(v), type);
  }
  if (auto* x = arg.as<double>()) return fit(c10::IValue(*x), type);
  if (auto* x = arg.as<bool>()) return fit(c10::IValue(*x), type);
  if (auto* x = arg.as<std::string>()) return c10::IValue(*x);
  if (auto* x = arg.as<DType>()) {
    DType dtype = env.float64 && is_small_float(*x) ? DType::kDouble : *x;
    TRY_ASSIGN(at::ScalarType t, scalar_type(dtype));
    return c10::IValue(static_cast<int64_t>(t));
  }
  return word_value(*arg.as<aten::Word>());
}

}  // namespace onnxport::torch_plugin
