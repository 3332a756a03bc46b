#include "torchscript/arguments.h"

#include <algorithm>

#include "torchscript/convert.h"
#include "torchscript/numbers.h"
#include "torchscript/provenance.h"

namespace onnxport::torchscript {
namespace {

using c10::TypeKind;

aten::Arg list_of(Evaluator& e, Call& call, const Ref& value, const c10::TypePtr& type) {
  if (value->is_stacked()) {
    throw Refusal("a list that a loop fills can only be stacked or concatenated");
  }
  const c10::TypePtr element =
      type->containedTypes().empty() ? c10::TypePtr(c10::AnyType::get()) : type->containedType(0);
  aten::ArgList out;
  for (const Ref& item : value->items()) out.push_back(argument_of(e, call, item, element));
  return out;
}

aten::Arg int_of(Evaluator& e, Call& call, const Ref& value, const c10::TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::ScalarTypeType: {
      auto dtype = dtype_of(static_cast<at::ScalarType>(constant_int(value, "a dtype")));
      if (!dtype.ok()) throw Refusal(dtype.error().str());
      return *dtype;
    }
    case TypeKind::LayoutType:
      return aten::Word{aten::Word::Kind::kLayout,
                        constant_int(value, "a layout") == 0 ? "strided" : "sparse"};
    case TypeKind::MemoryFormatType: {
      static const char* const kNames[] = {"contiguous_format", "preserve_format", "channels_last",
                                           "channels_last_3d"};
      const int64_t format = constant_int(value, "a memory format");
      return aten::Word{aten::Word::Kind::kMemoryFormat, kNames[std::clamp<int64_t>(format, 0, 3)]};
    }
    default:
      break;
  }
  if (auto expr = expr_of(e, value)) return *expr;
  if (value->is_data()) return scalar_id(e, call, value);
  throw FixedSize("a size has no formula that holds for every size of the input");
}

aten::Arg number_of(Evaluator& e, Call& call, const Ref& value, const c10::TypePtr& type) {
  if (type->kind() == TypeKind::ListType) {
    return argument_of(e, call, value, type->containedType(0));
  }
  if (value->is_int() && type->kind() != TypeKind::FloatType) return int_of(e, call, value, type);
  const Number& number = value->number();
  if (number.data) return scalar_id(e, call, value);
  if (!same_everywhere(*value)) {
    const auto& origin = number.origin;
    if (origin && origin->ratio && origin->ratio->bottom == 1) return origin->ratio->top;
    return scalar_id(e, call, value);
  }
  const c10::IValue& v = number.at[0];
  if (v.isBool()) return v.toBool();
  return v.isInt() ? static_cast<double>(v.toInt()) : v.toDouble();
}

}  // namespace

aten::Arg argument_of(Evaluator& e, Call& call, const Ref& value, const c10::TypePtr& type) {
  if (value->is_none()) return {};
  if (type->kind() == TypeKind::OptionalType) {
    return argument_of(e, call, value, type->containedType(0));
  }
  if (value->is_tensor()) return e.recorder().id_of(value);
  if (value->is_list() || value->is<Tuple>()) return list_of(e, call, value, type);
  if (value->is_number()) return number_of(e, call, value, type);
  if (value->at().empty()) throw Refusal("has an argument that is a dict or an object");
  const c10::IValue& v = value->at()[0];
  if (v.isString()) return v.toStringRef();
  if (v.isDevice()) return aten::Word{aten::Word::Kind::kDevice, "cpu"};
  if (v.isGenerator()) return {};
  throw Refusal("has an argument of type " + v.tagKind() + ", which is not supported");
}

}  // namespace onnxport::torchscript
