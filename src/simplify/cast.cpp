#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

DType target(const Node& node) { return static_cast<DType>(node.get<int64_t>("to", 0)); }

// Whether every value of `from` is a value of `to`.
bool widens(DType from, DType to) {
  if (from == DType::kBool) return is_integer(to) || is_floating(to);
  if (is_integer(from) && is_integer(to)) {
    const bool from_signed = from == DType::kInt8 || from == DType::kInt16 ||
                             from == DType::kInt32 || from == DType::kInt64;
    const bool to_signed =
        to == DType::kInt8 || to == DType::kInt16 || to == DType::kInt32 || to == DType::kInt64;
    if (byte_size(from) == 0 || byte_size(to) == 0) return false;
    if (from_signed && !to_signed) return false;
    if (from_signed == to_signed) return byte_size(to) >= byte_size(from);
    return byte_size(to) > byte_size(from);
  }
  if (from == DType::kFloat16 || from == DType::kBFloat16) {
    return to == DType::kFloat || to == DType::kDouble;
  }
  return from == DType::kFloat && to == DType::kDouble;
}

// Cast(x, to: T)  =>  x        when x is already a T
RULE(drop_same_type_cast, "Cast") {
  const DType from = node.input(0)->dtype;
  if (from == DType::kUndefined || from != target(node)) return no_match("the types differ");
  return replace_if_possible(r, node, node.input(0));
}

// Cast(Cast(x, to: A), to: B)  =>  Cast(x, to: B)        when A holds every value of x's type
RULE(merge_casts, "Cast") {
  Node* inner = producer(node.input(0), "Cast", node);
  if (inner == nullptr) return no_match("no cast before");
  const DType from = inner->input(0)->dtype;
  if (!widens(from, target(*inner))) return no_match("the cast before may lose something");
  if (target(node) == DType::kBool && from != DType::kBool) return no_match("to bool");
  r.set_input(node, 0, inner->input(0));
  return done();
}

// CastLike(x, y)  =>  Cast(x, to: type of y)
RULE(cast_like_to_cast, "CastLike") {
  const DType to = node.input(1)->dtype;
  if (to == DType::kUndefined) return no_match("the type is unknown");
  r.drop_inputs_from(node, 1);
  r.change_op(node, "Cast", {{"to", static_cast<int64_t>(to)}});
  return done();
}

}  // namespace
}  // namespace onnxport::simplify
