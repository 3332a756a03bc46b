// Constants, and what makes tensors of sizes and sizes of tensors.
#include <algorithm>
#include <cmath>

#include "onnx/ops/fold_call.h"
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Status infer_constant(Context& c) {
  Value* v = c.node.output();
  if (v == nullptr) return {};
  if (const Attribute* a = c.node.find("value")) {
    if (const auto* t = std::get_if<Tensor>(&a->v)) {
      Shape s;
      for (int64_t d : t->dims) s.emplace_back(d);
      c.out(0, t->dtype, s);
    }
  } else if (const auto ints = c.node.find("value_ints")) {
    const auto* list = std::get_if<Attribute::Ints>(&ints->v);
    if (list != nullptr) c.out(0, DType::kInt64, Shape{static_cast<int64_t>(list->size())});
  } else if (const auto floats = c.node.find("value_floats")) {
    const auto* list = std::get_if<Attribute::Floats>(&floats->v);
    if (list != nullptr) c.out(0, DType::kFloat, Shape{static_cast<int64_t>(list->size())});
  } else if (c.node.find("value_int") != nullptr) {
    c.out(0, DType::kInt64, Shape{});
  } else if (c.node.find("value_float") != nullptr) {
    c.out(0, DType::kFloat, Shape{});
  } else if (c.node.find("value_string") != nullptr) {
    c.out(0, DType::kString, Shape{});
  }
  return {};
}

std::optional<Ints> ints_constant(Context& c) {
  if (c.node.find("value_int") != nullptr) return Ints{Expr(c.attr("value_int", 0))};
  if (c.node.find("value_ints") != nullptr) return c.attr_ints("value_ints");
  const Attribute* a = c.node.find("value");
  const Tensor* t = a != nullptr ? std::get_if<Tensor>(&a->v) : nullptr;
  if (t == nullptr || t->dims.size() > 1 || t->numel() > static_cast<int64_t>(kMaxKnownInts)) {
    return std::nullopt;
  }
  if (!wide_integer(t->dtype) && t->dtype != DType::kBool) return std::nullopt;
  Ints out;
  for (int64_t v : t->as_ints()) out.emplace_back(v);
  return out;
}

Tensors fold_constant(const Call& call) {
  if (const Attribute* value = call.node.find("value")) {
    if (const Tensor* t = std::get_if<Tensor>(&value->v)) return one(*t);
  }
  if (call.node.find("value_int") != nullptr) {
    return one(Tensor::of<int64_t>(DType::kInt64, {}, {call.node.get<int64_t>("value_int", 0)}));
  }
  if (call.node.find("value_ints") != nullptr) {
    return one(Tensor::ints(call.node.get<Attribute::Ints>("value_ints", {})));
  }
  if (call.node.find("value_float") != nullptr) {
    return one(Tensor::of<float>(DType::kFloat, {}, {call.node.get<float>("value_float", 0)}));
  }
  if (call.node.find("value_floats") != nullptr) {
    const auto values = call.node.get<Attribute::Floats>("value_floats", {});
    return one(Tensor::of(DType::kFloat, {static_cast<int64_t>(values.size())}, values));
  }
  return std::nullopt;
}
OP("Constant", {.infer = infer_constant, .ints = ints_constant, .fold = fold_constant});

// Of the sizes of a tensor, what start:end takes: attributes from opset 15.
Window taken_sizes(const Node& node, size_t rank) {
  const auto n = static_cast<int64_t>(rank);
  return *slice_window(n, node.get<int64_t>("start", 0), node.get<int64_t>("end", n), 1);
}

Status infer_shape(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, DType::kInt64);
  if (x == nullptr) {
    c.out(0, DType::kInt64, unknown_shape(1));
    return {};
  }
  const Window window = taken_sizes(c.node, x->size());
  const auto first = x->begin() + window.start;
  c.out(0, DType::kInt64, Shape{window.length});
  c.out_ints(0, Ints(first, first + window.length));
  return {};
}

Tensors fold_shape(const Call& call) {
  const Dims& dims = call.in(0)->dims;
  const Window window = taken_sizes(call.node, dims.size());
  const auto first = dims.begin() + window.start;
  return one(Tensor::ints(Dims(first, first + window.length)));
}
OP("Shape", {.infer = infer_shape, .fold = fold_shape, .traits = kBuiltOnce});

Status infer_size(Context& c) {
  c.out(0, DType::kInt64, Shape{});
  if (const Shape* x = c.shape(0)) c.out_ints(0, {product(*x)});
  return {};
}

Tensors fold_size(const Call& call) {
  return one(Tensor::of<int64_t>(DType::kInt64, {}, {call.in(0)->numel()}));
}
OP("Size", {.infer = infer_size, .fold = fold_size});

Status infer_constant_of_shape(Context& c) {
  DType dtype = DType::kFloat;
  if (const Attribute* a = c.node.find("value")) {
    if (const auto* t = std::get_if<Tensor>(&a->v)) dtype = t->dtype;
  }
  std::optional<Shape> s;
  if (auto sizes = c.ints(0)) {
    s = Shape(sizes->begin(), sizes->end());
  } else {
    s = c.shape_of_length(0);
  }
  c.out(0, dtype, s ? &*s : nullptr);
  return {};
}

std::optional<Ints> ints_constant_of_shape(Context& c) {
  auto sizes = c.const_ints(0);
  if (!sizes || sizes->size() > 1) return std::nullopt;
  const int64_t n = sizes->empty() ? 1 : (*sizes)[0];
  if (n < 0 || n > static_cast<int64_t>(kMaxKnownInts)) return std::nullopt;
  const Attribute* a = c.node.find("value");
  const Tensor* t = a != nullptr ? std::get_if<Tensor>(&a->v) : nullptr;
  if (t == nullptr || !wide_integer(t->dtype) || t->numel() != 1) return std::nullopt;
  return Ints(static_cast<size_t>(n), Expr(t->as_ints()[0]));
}

Tensors fold_constant_of_shape(const Call& call) {
  const Dims dims = call.in(0)->as_ints();
  for (int64_t d : dims) {
    if (d < 0) return std::nullopt;
  }
  const int64_t n = count(dims);
  if (n > call.max_elements) return std::nullopt;
  const Tensor zero = Tensor::scalar(DType::kFloat, 0);
  const Tensor value = call.node.get<Tensor>("value", zero);
  if (byte_size(value.dtype) == 0 || value.numel() != 1) return std::nullopt;
  return one(take(value, dims, std::vector<int64_t>(static_cast<size_t>(n), 0)));
}
OP("ConstantOfShape", {.infer = infer_constant_of_shape,
                       .ints = ints_constant_of_shape,
                       .fold = fold_constant_of_shape,
                       .traits = kBuiltOnce});

Status infer_range(Context& c) {
  auto start = c.ints(0), limit = c.ints(1), delta = c.ints(2);
  Expr length = unknown_size();
  const bool single =
      start && limit && delta && start->size() == 1 && limit->size() == 1 && delta->size() == 1;
  if (single && (*delta)[0].is_const() && !(*delta)[0].is_const(0)) {
    const Expr step = (*delta)[0];
    const Expr distance = step.value() > 0 ? (*limit)[0] - (*start)[0] : (*start)[0] - (*limit)[0];
    length = ceildiv(distance, step.value() > 0 ? step : -step);
    if (length.is_const() && length.value() < 0) length = Expr(0);
    if (!proves_le(0, length)) length = max(length, 0);
  } else if (c.constant(0) != nullptr && c.constant(1) != nullptr && c.constant(2) != nullptr &&
             is_floating(c.dtype(0))) {
    double ends[3];
    for (size_t i = 0; i < 3; ++i) {
      if (c.constant(i)->numel() != 1) return c.wrong("its bounds must be single numbers");
      ends[i] = c.constant(i)->as_doubles()[0];
    }
    const double count = (ends[1] - ends[0]) / ends[2];
    if (count < 1e15 && count > -1e15) {
      const auto whole = static_cast<int64_t>(count);
      length = Expr(std::max<int64_t>(0, whole + (static_cast<double>(whole) < count ? 1 : 0)));
    }
  }
  c.out(0, c.dtype(0), Shape{length});
  return {};
}

std::optional<Ints> ints_range(Context& c) {
  auto start = c.ints(0), delta = c.ints(2);
  const Shape* s = c.node.output()->shape ? &*c.node.output()->shape : nullptr;
  if (!start || !delta || start->size() != 1 || delta->size() != 1) return std::nullopt;
  if (s == nullptr || s->size() != 1 || !(*s)[0].is_const()) return std::nullopt;
  const int64_t n = (*s)[0].value();
  if (n < 0 || n > static_cast<int64_t>(kMaxKnownInts)) return std::nullopt;
  Ints out;
  for (int64_t i = 0; i < n; ++i) out.push_back((*start)[0] + Expr(i) * (*delta)[0]);
  return out;
}

// number of elements = max(ceil((limit - start) / delta), 0), in the operator's definition.
Tensors fold_range(const Call& call) {
  const DType dtype = call.in(0)->dtype;
  for (size_t i = 0; i < 3; ++i) {
    if (call.in(i)->dtype != dtype || call.in(i)->numel() != 1) return std::nullopt;
  }
  if (dtype == DType::kInt64 || dtype == DType::kInt32) {
    const int64_t start = call.in(0)->as_ints()[0];
    const int64_t limit = call.in(1)->as_ints()[0];
    const int64_t delta = call.in(2)->as_ints()[0];
    if (delta == 0) return std::nullopt;
    const double n = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                               static_cast<double>(delta));
    if (n > static_cast<double>(call.max_elements)) return std::nullopt;
    std::vector<int64_t> out;
    for (int64_t i = 0; i < static_cast<int64_t>(n); ++i) out.push_back(start + i * delta);
    const Tensor t = Tensor::ints(out);
    return one(dtype == DType::kInt64 ? t : Tensor::owned(dtype, t.dims, t.cast(dtype).bytes()));
  }
  if (dtype != DType::kFloat) return std::nullopt;
  const float start = call.in(0)->values<float>()[0];
  const float limit = call.in(1)->values<float>()[0];
  const float delta = call.in(2)->values<float>()[0];
  const double n = std::ceil((static_cast<double>(limit) - start) / delta);
  if (!(n <= static_cast<double>(call.max_elements))) return std::nullopt;
  std::vector<float> out;
  for (int64_t i = 0; i < static_cast<int64_t>(n); ++i)
    out.push_back(start + static_cast<float>(i) * delta);
  return one(Tensor::of(DType::kFloat, {static_cast<int64_t>(out.size())}, out));
}
OP("Range", {.infer = infer_range, .ints = ints_range, .fold = fold_range, .traits = kBuiltOnce});

}  // namespace
}  // namespace onnxport::onnx::ops
