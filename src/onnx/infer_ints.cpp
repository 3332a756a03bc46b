// Data propagation: what small integer tensors contain, as Exprs, so that
// Shape-Gather-Concat-Reshape chains are understood with dynamic sizes in them. Shape and Size
// state theirs in infer_shape.cpp.
#include <algorithm>

#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

bool wide_integer(DType t) { return t == DType::kInt64 || t == DType::kInt32; }

std::optional<Ints> gather(Context& c) {
  auto data = c.ints(0);
  auto indices = c.const_ints(1);
  if (!data || !indices || c.rank(0) != 1) return std::nullopt;
  Ints out;
  const auto n = static_cast<int64_t>(data->size());
  for (int64_t i : *indices) {
    if (i < -n || i >= n) return std::nullopt;
    out.push_back((*data)[static_cast<size_t>(i < 0 ? i + n : i)]);
  }
  return out;
}

std::optional<Ints> slice(Context& c) {
  auto data = c.ints(0);
  if (!data || c.rank(0) != 1) return std::nullopt;
  std::optional<std::vector<int64_t>> starts, ends, steps;
  if (c.opset < 10) {
    starts = c.attrs("starts");
    ends = c.attrs("ends");
  } else {
    starts = c.const_ints(1);
    ends = c.const_ints(2);
    steps = c.has(4) ? c.const_ints(4) : std::vector<int64_t>{1};
    if (!steps) return std::nullopt;
  }
  if (!starts || !ends || starts->size() != 1 || ends->size() != 1) return std::nullopt;
  const int64_t step = steps && !steps->empty() ? steps->front() : 1;
  const auto window =
      slice_window(static_cast<int64_t>(data->size()), starts->front(), ends->front(), step);
  if (!window) return std::nullopt;
  Ints out;
  for (int64_t i = 0; i < window->length; ++i) {
    out.push_back((*data)[static_cast<size_t>(window->start + i * step)]);
  }
  return out;
}

std::optional<Ints> concat(Context& c) {
  Ints out;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    auto part = c.ints(i);
    if (!part || c.rank(i) != 1) return std::nullopt;
    out.insert(out.end(), part->begin(), part->end());
    if (out.size() > kMaxInts) return std::nullopt;
  }
  return out;
}

std::optional<Expr> combine(const std::string& op, const Expr& a, const Expr& b) {
  if (op == "Add") return a + b;
  if (op == "Sub") return a - b;
  if (op == "Mul") return a * b;
  if (op == "Max") return max(a, b);
  if (op == "Min") return min(a, b);
  // ONNX's Div truncates, Mod (fmod=0) has the sign of the divisor; both are Python's where nothing
  // is negative.
  if (b.is_const(0) || !proves_le(0, a) || !proves_le(1, b)) return std::nullopt;
  if (op == "Div") return floordiv(a, b);
  if (op == "Mod") return mod(a, b);
  return std::nullopt;
}

std::optional<Ints> arithmetic(Context& c) {
  std::optional<Ints> all;
  if (c.node.is("Mod") && c.attr("fmod", 0) != 0) return std::nullopt;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    auto next = c.ints(i);
    if (!next) return std::nullopt;
    if (!all) {
      all = std::move(next);
      continue;
    }
    const size_t n = std::max(all->size(), next->size());
    if ((all->size() != n && all->size() != 1) || (next->size() != n && next->size() != 1)) {
      return std::nullopt;
    }
    Ints out;
    for (size_t k = 0; k < n; ++k) {
      auto e = combine(c.node.op_type, (*all)[all->size() == 1 ? 0 : k],
                       (*next)[next->size() == 1 ? 0 : k]);
      if (!e) return std::nullopt;
      out.push_back(*e);
    }
    all = std::move(out);
  }
  return all;
}

std::optional<Ints> where(Context& c) {
  auto condition = c.const_ints(0);
  auto a = c.ints(1), b = c.ints(2);
  if (!condition || !a || !b) return std::nullopt;
  const size_t n = std::max({condition->size(), a->size(), b->size()});
  auto at = [n](const auto& list, size_t k) { return list[list.size() == n ? k : 0]; };
  for (size_t size : {condition->size(), a->size(), b->size()}) {
    if (size != n && size != 1) return std::nullopt;
  }
  Ints out;
  for (size_t k = 0; k < n; ++k) out.push_back(at(*condition, k) != 0 ? at(*a, k) : at(*b, k));
  return out;
}

// Equal of a size with a number: only what the normal form can prove either way.
std::optional<Ints> equal(Context& c) {
  auto a = c.ints(0), b = c.ints(1);
  if (!a || !b) return std::nullopt;
  const size_t n = std::max(a->size(), b->size());
  if ((a->size() != n && a->size() != 1) || (b->size() != n && b->size() != 1)) {
    return std::nullopt;
  }
  Ints out;
  for (size_t k = 0; k < n; ++k) {
    const Expr& x = (*a)[a->size() == 1 ? 0 : k];
    const Expr& y = (*b)[b->size() == 1 ? 0 : k];
    if (x == y) {
      out.emplace_back(1);
    } else if ((x.is_const() && y.is_const()) || proves_le(x + Expr(1), y) ||
               proves_le(y + Expr(1), x)) {
      out.emplace_back(0);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<Ints> cast(Context& c) {
  const DType to = c.dtype_attr("to", DType::kUndefined);
  if (!wide_integer(to) || !(wide_integer(c.dtype(0)) || c.dtype(0) == DType::kBool)) {
    return std::nullopt;
  }
  auto content = c.ints(0);
  if (!content || to == DType::kInt64) return content;
  for (const Expr& e : *content) {
    if (e.is_const() && (e.value() > INT32_MAX || e.value() < INT32_MIN)) return std::nullopt;
  }
  return content;
}

std::optional<Ints> fill(Context& c) {
  auto sizes = c.const_ints(0);
  if (!sizes || sizes->size() > 1) return std::nullopt;
  const int64_t n = sizes->empty() ? 1 : (*sizes)[0];
  if (n < 0 || n > static_cast<int64_t>(kMaxInts)) return std::nullopt;
  const Attribute* a = c.node.find("value");
  const Tensor* t = a != nullptr ? std::get_if<Tensor>(&a->v) : nullptr;
  if (t == nullptr || !wide_integer(t->dtype) || t->numel() != 1) return std::nullopt;
  return Ints(static_cast<size_t>(n), Expr(t->as_ints()[0]));
}

std::optional<Ints> constant(Context& c) {
  if (c.node.find("value_int") != nullptr) return Ints{Expr(c.attr("value_int", 0))};
  if (c.node.find("value_ints") != nullptr) {
    Ints out;
    for (int64_t v : c.attrs("value_ints")) out.emplace_back(v);
    return out;
  }
  const Attribute* a = c.node.find("value");
  const Tensor* t = a != nullptr ? std::get_if<Tensor>(&a->v) : nullptr;
  if (t == nullptr || t->dims.size() > 1 || t->numel() > static_cast<int64_t>(kMaxInts)) {
    return std::nullopt;
  }
  if (!wide_integer(t->dtype) && t->dtype != DType::kBool) return std::nullopt;
  Ints out;
  for (int64_t v : t->as_ints()) out.emplace_back(v);
  return out;
}

std::optional<Ints> range(Context& c) {
  auto start = c.ints(0), delta = c.ints(2);
  const Shape* s = c.node.output()->shape ? &*c.node.output()->shape : nullptr;
  if (!start || !delta || start->size() != 1 || delta->size() != 1) return std::nullopt;
  if (s == nullptr || s->size() != 1 || !(*s)[0].is_const()) return std::nullopt;
  const int64_t n = (*s)[0].value();
  if (n < 0 || n > static_cast<int64_t>(kMaxInts)) return std::nullopt;
  Ints out;
  for (int64_t i = 0; i < n; ++i) out.push_back((*start)[0] + Expr(i) * (*delta)[0]);
  return out;
}

std::optional<Ints> reduce(Context& c) {
  auto content = c.ints(0);
  if (!content || content->empty() || c.rank(0) != 1) return std::nullopt;
  if (c.attr("noop_with_empty_axes", 0) != 0) return std::nullopt;
  const char* op = c.node.is("ReduceProd")  ? "Mul"
                   : c.node.is("ReduceSum") ? "Add"
                   : c.node.is("ReduceMax") ? "Max"
                                            : "Min";
  Expr all = (*content)[0];
  for (size_t i = 1; i < content->size(); ++i) all = *combine(op, all, (*content)[i]);
  return Ints{all};
}

void split(Context& c) {
  auto data = c.ints(0);
  if (!data || c.rank(0) != 1) return;
  size_t from = 0;
  for (size_t i = 0; i < c.node.outputs.size(); ++i) {
    const Value* v = c.node.output(i);
    if (v == nullptr || !v->shape || v->shape->size() != 1 || !(*v->shape)[0].is_const()) return;
    const auto n = static_cast<size_t>((*v->shape)[0].value());
    if (from + n > data->size()) return;
    c.out_ints(i, Ints(data->begin() + static_cast<int64_t>(from),
                       data->begin() + static_cast<int64_t>(from + n)));
    from += n;
  }
}

using Content = std::optional<Ints> (*)(Context&);

std::optional<Ints> unchanged(Context& c) { return c.ints(0); }

const std::unordered_map<std::string_view, Content>& contents() {
  static const std::unordered_map<std::string_view, Content> table = {
      {"Gather", gather},     {"Slice", slice},          {"Concat", concat},
      {"Add", arithmetic},    {"Sub", arithmetic},       {"Mul", arithmetic},
      {"Div", arithmetic},    {"Mod", arithmetic},       {"Max", arithmetic},
      {"Min", arithmetic},    {"Where", where},          {"Equal", equal},
      {"Cast", cast},         {"ConstantOfShape", fill}, {"Constant", constant},
      {"Range", range},       {"ReduceProd", reduce},    {"ReduceSum", reduce},
      {"ReduceMax", reduce},  {"ReduceMin", reduce},     {"Unsqueeze", unchanged},
      {"Squeeze", unchanged}, {"Reshape", unchanged},    {"Identity", unchanged},
      {"Flatten", unchanged},
  };
  return table;
}

}  // namespace

void propagate_ints(Context& c) {
  const Value* v = c.node.output();
  if (v == nullptr) return;
  if (c.node.is("Split")) return split(c);
  auto it = contents().find(c.node.op_type);
  if (it == contents().end()) return;
  if (!wide_integer(v->dtype) && v->dtype != DType::kBool) return;
  // A matrix's elements would lose their order's meaning: scalars and lists only.
  if (!v->shape || v->shape->size() > 1) return;
  std::optional<Ints> content = it->second(c);
  if (!content || content->size() > kMaxInts) return;
  const bool scalar = v->shape->empty();
  if (scalar && content->size() != 1) return;
  if (!scalar && (*v->shape)[0].is_const() &&
      (*v->shape)[0].value() != static_cast<int64_t>(content->size())) {
    return;
  }
  c.out_ints(0, std::move(*content));
}

}  // namespace onnxport::onnx::inference
