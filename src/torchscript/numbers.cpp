#include "torchscript/numbers.h"

#include "torchscript/provenance.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

using c10::TypeKind;

// What a tensor holds whose data is known in every sample.
Ref known_number(Evaluator& e, Call& call, const Ref& tensor, const c10::TypePtr& type) {
  std::vector<c10::IValue> at;
  for (const at::Tensor& t : tensor->tensor().samples) {
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
  if (out->is_int() && tensor->tensor().expr) out->number().expr = tensor->tensor().expr;
  if (same_everywhere(*out) || (out->is_int() && expr_of(e, out))) return out;
  const at::ScalarType held = out->is_bool() ? at::kBool : out->is_int() ? at::kLong : at::kDouble;
  out->number().tensor = snapshot(e, call, tensor, held);
  if (out->is_int()) Provenance(e).name_size(call, out);
  return out;
}

}  // namespace

Ref size_number(Evaluator& e, const Expr& expr) {
  std::vector<c10::IValue> at;
  for (int64_t v : e.sizes().values_of(expr)) at.emplace_back(v);
  Ref out = number(std::move(at), expr);
  out->number().data = e.sizes().depends_on_data(expr);
  return out;
}

std::optional<Expr> expr_of(Evaluator& e, const Ref& value) {
  if (!value->is_int()) return std::nullopt;
  Number& number = value->number();
  if (!number.expr && !number.data) number.expr = e.sizes().fit(ints_of(number));
  return number.expr;
}

Ref to_type(Evaluator& e, Call& call, const Ref& tensor, at::ScalarType type) {
  if (e.data().dtype(tensor) == type) return tensor;
  return record(e, call, "aten::to", "dtype", {{"self", tensor}, {"dtype", dtype_number(type)}});
}

Ref snapshot(Evaluator& e, Call& call, const Ref& tensor, at::ScalarType type) {
  Ref out = to_type(e, call, tensor, type);
  return out == tensor ? record(e, call, "aten::clone", "", {{"self", tensor}}) : out;
}

Ref number_in(Evaluator& e, Call& call, const Ref& tensor, const c10::TypePtr& type) {
  if (e.data().is_known(tensor)) return known_number(e, call, tensor, type);
  const at::ScalarType have = tensor->tensor().samples[0].scalar_type();
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
  Number made;
  made.data = true;
  made.tensor = snapshot(e, call, tensor, fits ? have : want);
  if (want == at::kLong) {
    made.expr = e.sizes().new_data_number(2);
    for (int64_t v : e.sizes().values_of(*made.expr)) made.at.emplace_back(v);
  } else {
    made.at.assign(kSamples, want == at::kBool ? c10::IValue(true) : c10::IValue(1.5));
  }
  const Ref held = made.tensor;
  Ref out = make(std::move(made));
  record_item(e, call, held, out);
  return out;
}

Ref as_tensor(Evaluator& e, Call& call, const Ref& value, at::ScalarType floats) {
  if (!value->is_number()) throw Refusal("is not a number");
  Number& number = value->number();
  if (number.tensor) return number.tensor;
  const at::ScalarType type = value->is_bool() ? at::kBool : value->is_int() ? at::kLong : floats;
  const bool formula = value->is_int() && expr_of(e, value);
  const bool again = value->is_size() && !formula;
  Ref out = again ? Provenance(e).recompute(call, value)
                  : record(e, call, "aten::scalar_tensor", "",
                           {{"s", value}, {"dtype", dtype_number(type)}});
  if (value->is_int()) out->tensor().expr = expr_of(e, value);
  if ((number.data || again) && e.recorder().depth() == 0) number.tensor = out;
  return out;
}

aten::ValueId scalar_id(Evaluator& e, Call& call, const Ref& value) {
  Number& number = value->number();
  if (number.id.valid()) return number.id;
  const Ref tensor = as_tensor(e, call, value);
  const Ref made =
      number.data ? number_in(e, call, tensor, type_of(value)) : std::make_shared<Value>(*value);
  if (!number.data) record_item(e, call, tensor, made);
  if (e.recorder().depth() == 0) number.id = made->number().id;
  return made->number().id;
}

void record_item(Evaluator& e, Call& call, const Ref& tensor, const Ref& value) {
  Number& number = value->number();
  aten::Value entry;
  entry.kind = aten::Value::Kind::kScalar;
  entry.dtype = value->is_bool() ? DType::kBool : value->is_int() ? DType::kInt64 : DType::kFloat;
  if (value->is_int() && number.expr && number.expr->is_symbol()) entry.scalar = number.expr;
  aten::Node node;
  node.op = "aten::item";
  node.args.push_back({"self", e.recorder().id_of(tensor)});
  set_location(node, call);
  number.id = e.recorder().new_value(std::move(entry), "item");
  node.outputs.push_back(number.id);
  e.recorder().add(std::move(node));
}

}  // namespace onnxport::torchscript
