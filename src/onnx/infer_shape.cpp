// Operators that move or make elements: Reshape, Transpose, Concat, Split, Slice, Expand, Pad, ...
#include <algorithm>

#include "onnx/infer_rule.h"

namespace onnxport::onnx::inference {
namespace {

Shape unknown_shape(size_t rank) {
  Shape s;
  for (size_t i = 0; i < rank; ++i) s.push_back(unknown_size());
  return s;
}

// A shape given by a 1-D integer input whose content is unknown but whose length is known.
std::optional<Shape> shape_of_length(Context& c, size_t i) {
  const Shape* s = c.shape(i);
  if (s == nullptr || s->size() != 1 || !(*s)[0].is_const()) return std::nullopt;
  const int64_t rank = (*s)[0].value();
  if (rank < 0 || rank > 64) return std::nullopt;
  return unknown_shape(static_cast<size_t>(rank));
}

Status constant(Context& c) {
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

Status reshape(Context& c) {
  std::optional<Ints> target = c.ints(1);
  if (!target && c.node.find("shape") != nullptr) {  // before opset 5
    target.emplace();
    for (int64_t d : c.attrs("shape")) target->emplace_back(d);
  }
  const Shape* x = c.shape(0);
  if (!target) {
    std::optional<Shape> s = shape_of_length(c, 1);
    c.out(0, c.dtype(0), s ? &*s : nullptr);
    return {};
  }
  Shape out;
  std::optional<size_t> open;
  const bool allow_zero = c.attr("allowzero", 0) != 0;
  for (size_t i = 0; i < target->size(); ++i) {
    Expr d = (*target)[i];
    if (d.is_const(0) && !allow_zero) {
      d = x != nullptr && i < x->size() ? (*x)[i] : unknown_size();
      if (x != nullptr && i >= x->size()) return c.wrong("0 copies a size that is not there");
    } else if (d.is_const(-1)) {
      if (open) return c.wrong("more than one -1");
      open = i;
      d = Expr(1);
    }
    out.push_back(d);
  }
  if (x != nullptr) {
    const Expr total = product(*x);
    const Expr rest = product(out);
    if (open) {
      if (rest.is_const(0)) {
        out[*open] = unknown_size();
      } else {
        std::optional<Expr> exact = exact_div(total, rest);
        if (total.is_const() && rest.is_const() && total.value() % rest.value() != 0) {
          return c.wrong(to_string(*x) + " has no whole number of " + rest.str());
        }
        out[*open] = exact ? *exact : floordiv(total, rest);
      }
    } else if (total.is_const() && rest.is_const() && total != rest) {
      return c.wrong(to_string(*x) + " does not fit in " + to_string(out));
    }
  } else if (open) {
    out[*open] = unknown_size();
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status transpose(Context& c) {
  const Shape* x = c.shape(0);
  if (x == nullptr) {
    c.out(0, c.dtype(0));
    return {};
  }
  Attribute::Ints perm = c.attrs("perm");
  if (perm.empty()) {
    for (size_t i = x->size(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  if (perm.size() != x->size()) return c.wrong("perm does not fit " + to_string(*x));
  Shape out;
  for (int64_t p : perm) {
    std::optional<size_t> axis = axis_of(p, x->size());
    if (!axis) return c.wrong("perm names an axis that " + to_string(*x) + " does not have");
    out.push_back((*x)[*axis]);
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status squeeze(Context& c) {
  const Shape* x = c.shape(0);
  bool left_out = false;
  auto axes = c.list("axes", 1, left_out);
  c.out(0, c.dtype(0));
  if (x == nullptr || !axes) return {};
  std::vector<bool> drop(x->size(), false);
  if (left_out) {
    for (size_t i = 0; i < x->size(); ++i) {
      if (!(*x)[i].is_const()) return {};  // the rank depends on the size
      drop[i] = (*x)[i].is_const(1);
    }
  }
  for (int64_t a : *axes) {
    auto axis = axis_of(a, x->size());
    if (!axis) return c.wrong("axis " + std::to_string(a) + " of " + to_string(*x));
    if ((*x)[*axis].is_const() && !(*x)[*axis].is_const(1)) {
      return c.wrong("axis " + std::to_string(a) + " of " + to_string(*x) + " is not 1");
    }
    drop[*axis] = true;
  }
  Shape out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!drop[i]) out.push_back((*x)[i]);
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status unsqueeze(Context& c) {
  const Shape* x = c.shape(0);
  bool left_out = false;
  auto axes = c.list("axes", 1, left_out);
  c.out(0, c.dtype(0));
  if (x == nullptr || !axes) return {};
  const size_t rank = x->size() + axes->size();
  std::vector<bool> added(rank, false);
  for (int64_t a : *axes) {
    auto axis = axis_of(a, rank);
    if (!axis || added[*axis]) return c.wrong("axes do not fit " + to_string(*x));
    added[*axis] = true;
  }
  Shape out;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) out.push_back(added[i] ? Expr(1) : (*x)[next++]);
  c.out(0, c.dtype(0), out);
  return {};
}

Status flatten(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  int64_t axis = c.attr("axis", 1);
  const auto rank = static_cast<int64_t>(x->size());
  if (axis < -rank || axis > rank) return c.wrong("axis " + std::to_string(axis));
  if (axis < 0) axis += rank;
  const Shape before(x->begin(), x->begin() + axis), after(x->begin() + axis, x->end());
  c.out(0, c.dtype(0), Shape{product(before), product(after)});
  return {};
}

Status concat(Context& c) {
  DType dtype = DType::kUndefined;
  std::optional<Shape> all;
  bool known = true;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    if (dtype == DType::kUndefined) dtype = c.dtype(i);
    const Shape* s = c.shape(i);
    if (s == nullptr) {
      known = false;
      continue;
    }
    auto axis = axis_of(c.attr("axis", 1), s->size());
    if (!axis) return c.wrong("axis outside " + to_string(*s));
    if (!all) {
      all = *s;
      continue;
    }
    if (all->size() != s->size()) {
      return c.wrong("ranks of " + to_string(*all) + " and " + to_string(*s) + " differ");
    }
    for (size_t d = 0; d < s->size(); ++d) {
      if (d == *axis) {
        (*all)[d] += (*s)[d];
      } else if ((*s)[d].is_const()) {
        if ((*all)[d].is_const() && (*all)[d] != (*s)[d]) {
          return c.wrong(to_string(*all) + " and " + to_string(*s) + " differ beside the axis");
        }
        (*all)[d] = (*s)[d];
      } else if (is_unknown((*all)[d])) {
        (*all)[d] = (*s)[d];
      }
    }
  }
  if (!known && all) (*all)[*axis_of(c.attr("axis", 1), all->size())] = unknown_size();
  c.out(0, dtype, all ? &*all : nullptr);
  return {};
}

Status split(Context& c) {
  const size_t n = c.node.outputs.size();
  const Shape* x = c.shape(0);
  for (size_t i = 0; i < n; ++i) c.out(i, c.dtype(0));
  if (x == nullptr || n == 0) return {};
  auto axis = axis_of(c.attr("axis", 0), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  std::optional<Ints> sizes;
  if (c.node.find("split") != nullptr) {
    sizes.emplace();
    for (int64_t s : c.attrs("split")) sizes->emplace_back(s);
  } else if (c.has(1)) {
    sizes = c.ints(1);
  } else {
    const Expr& d = (*x)[*axis];
    const Expr count(static_cast<int64_t>(n));
    const Expr each = ceildiv(d, count);
    const bool even = exact_div(d, count).has_value();
    sizes.emplace();
    for (size_t i = 0; i + 1 < n; ++i) sizes->push_back(even ? *exact_div(d, count) : each);
    sizes->push_back(even ? *exact_div(d, count) : d - each * Expr(static_cast<int64_t>(n) - 1));
  }
  if (sizes && sizes->size() != n) return c.wrong("as many sizes as outputs are needed");
  for (size_t i = 0; i < n; ++i) {
    Shape out = *x;
    out[*axis] = sizes ? (*sizes)[i] : unknown_size();
    c.out(i, c.dtype(0), out);
  }
  return {};
}

// The number of elements that start:end:step takes of d. What cannot be shown to lie inside is
// unknown rather than a guess; see proves_le for what is assumed of sizes.
Expr slice_size(const Expr& d, Expr start, Expr end, int64_t step) {
  if (step == 0) return unknown_size();
  if (d.is_const() && start.is_const() && end.is_const()) {
    return slice_window(d.value(), start.value(), end.value(), step)->length;
  }
  if (step < 0) {
    const bool whole = start.is_const(-1) || (start.is_const() && start.value() >= INT32_MAX) ||
                       start == d - Expr(1);
    const bool to_front = end.is_const() && end.value() <= INT32_MIN;
    if (!whole || !to_front || step == INT64_MIN) return unknown_size();
    return ceildiv(d, Expr(-step));
  }
  auto clamp = [&](Expr x) -> std::optional<Expr> {
    if (x.is_const() && x.value() >= INT32_MAX) return d;
    if (x.is_const() && x.value() < 0) {
      if (x.value() <= INT32_MIN) return Expr(0);
      x = d + x;
      if (!proves_le(0, x)) return max(x, 0);
      return x;
    }
    if (!proves_le(0, x)) return std::nullopt;
    if (proves_le(x, d)) return x;
    if (proves_le(d, x)) return d;
    if (x.is_const()) return min(x, d);
    return std::nullopt;
  };
  std::optional<Expr> s = clamp(start), e = clamp(end);
  if (!s || !e) return unknown_size();
  Expr length = *e - *s;
  if (!proves_le(0, length)) {
    if (proves_le(length, 0)) return Expr(0);
    length = max(length, 0);
  }
  return step == 1 ? length : ceildiv(length, Expr(step));
}

Status slice(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  const size_t rank = x->size();
  std::optional<Ints> starts, ends;
  std::optional<std::vector<int64_t>> axes, steps;
  if (c.opset < 10) {
    starts.emplace();
    ends.emplace();
    for (int64_t v : c.attrs("starts")) starts->emplace_back(v);
    for (int64_t v : c.attrs("ends")) ends->emplace_back(v);
    axes = c.attrs("axes");
    if (axes->empty()) axes.reset();
  } else {
    starts = c.ints(1);
    ends = c.ints(2);
    axes = c.const_ints(3);
    steps = c.const_ints(4);
  }
  Shape out = *x;
  if (c.opset >= 10 && c.has(3) && !axes) {  // any axis may be cut
    c.out(0, c.dtype(0), unknown_shape(rank));
    return {};
  }
  const Shape* count = c.opset < 10 ? nullptr : c.shape(1);
  size_t n = axes ? axes->size() : starts ? starts->size() : rank;
  if (!axes && !starts && count != nullptr && count->size() == 1 && (*count)[0].is_const()) {
    n = static_cast<size_t>(std::max<int64_t>(0, (*count)[0].value()));
  }
  if (starts && starts->size() != n) return c.wrong("starts and axes differ in length");
  if (ends && ends->size() != n) return c.wrong("ends and axes differ in length");
  if (steps && steps->size() != n) return c.wrong("steps and axes differ in length");
  const bool steps_known = c.opset < 10 || !c.has(4) || steps;
  for (size_t i = 0; i < n; ++i) {
    auto axis = axis_of(axes ? (*axes)[i] : static_cast<int64_t>(i), rank);
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    out[*axis] = starts && ends && steps_known
                     ? slice_size((*x)[*axis], (*starts)[i], (*ends)[i], steps ? (*steps)[i] : 1)
                     : unknown_size();
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status expand(Context& c) {
  const Shape* x = c.shape(0);
  std::optional<Ints> target = c.ints(1);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  std::optional<Shape> to;
  if (target) {
    to = Shape(target->begin(), target->end());
  } else {
    to = shape_of_length(c, 1);
  }
  if (!to) return {};
  std::optional<Shape> out = broadcast(*x, *to);
  if (!out) return c.wrong(to_string(*x) + " does not broadcast to " + to_string(*to));
  c.out(0, c.dtype(0), *out);
  return {};
}

Status tile(Context& c) {
  const Shape* x = c.shape(0);
  std::optional<Ints> repeats = c.ints(1);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  if (!repeats) {
    c.out(0, c.dtype(0), unknown_shape(x->size()));
    return {};
  }
  if (repeats->size() != x->size()) return c.wrong("as many repeats as axes are needed");
  Shape out;
  for (size_t i = 0; i < x->size(); ++i) out.push_back((*x)[i] * (*repeats)[i]);
  c.out(0, c.dtype(0), out);
  return {};
}

Status pad(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr) return {};
  std::optional<Ints> pads;
  if (c.opset < 11) {
    pads.emplace();
    for (int64_t p : c.attrs("pads")) pads->emplace_back(p);
  } else {
    pads = c.ints(1);
  }
  std::optional<std::vector<int64_t>> axes;
  if (c.has(3)) {
    axes = c.const_ints(3);
    if (!axes) pads.reset();
  }
  if (!pads) {
    c.out(0, c.dtype(0), unknown_shape(x->size()));
    return {};
  }
  const size_t n = axes ? axes->size() : x->size();
  if (pads->size() != 2 * n) return c.wrong("two pads an axis are needed");
  Shape out = *x;
  for (size_t i = 0; i < n; ++i) {
    auto axis = axis_of(axes ? (*axes)[i] : static_cast<int64_t>(i), x->size());
    if (!axis) return c.wrong("axis outside " + to_string(*x));
    out[*axis] = out[*axis] + (*pads)[i] + (*pads)[i + n];
  }
  c.out(0, c.dtype(0), out);
  return {};
}

Status shape_of(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, DType::kInt64);
  if (x == nullptr) {
    c.out(0, DType::kInt64, unknown_shape(1));
    return {};
  }
  const auto rank = static_cast<int64_t>(x->size());
  auto clamp = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  const int64_t start = clamp(c.attr("start", 0)), end = clamp(c.attr("end", rank));
  Ints sizes;
  for (int64_t i = start; i < end; ++i) sizes.push_back((*x)[static_cast<size_t>(i)]);
  c.out(0, DType::kInt64, Shape{static_cast<int64_t>(sizes.size())});
  c.out_ints(0, std::move(sizes));
  return {};
}

Status size_of(Context& c) {
  c.out(0, DType::kInt64, Shape{});
  if (const Shape* x = c.shape(0)) c.out_ints(0, {product(*x)});
  return {};
}

Status range(Context& c) {
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

Status constant_of_shape(Context& c) {
  DType dtype = DType::kFloat;
  if (const Attribute* a = c.node.find("value")) {
    if (const auto* t = std::get_if<Tensor>(&a->v)) dtype = t->dtype;
  }
  std::optional<Shape> s;
  if (auto sizes = c.ints(0)) {
    s = Shape(sizes->begin(), sizes->end());
  } else {
    s = shape_of_length(c, 0);
  }
  c.out(0, dtype, s ? &*s : nullptr);
  return {};
}

Status depth_to_space(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() != 4) return {};
  const Expr b(c.attr("blocksize", 1));
  const Expr b2 = b * b;
  const std::optional<Expr> channels = exact_div((*x)[1], b2);
  c.out(0, c.dtype(0),
        Shape{(*x)[0], channels ? *channels : floordiv((*x)[1], b2), (*x)[2] * b, (*x)[3] * b});
  return {};
}

Status space_to_depth(Context& c) {
  const Shape* x = c.shape(0);
  c.out(0, c.dtype(0));
  if (x == nullptr || x->size() != 4) return {};
  const Expr b(c.attr("blocksize", 1));
  c.out(0, c.dtype(0), Shape{(*x)[0], (*x)[1] * b * b, floordiv((*x)[2], b), floordiv((*x)[3], b)});
  return {};
}

}  // namespace

void add_shape_rules(Table& t) {
  t["Constant"] = constant;
  t["Reshape"] = reshape;
  t["Transpose"] = transpose;
  t["Squeeze"] = squeeze;
  t["Unsqueeze"] = unsqueeze;
  t["Flatten"] = flatten;
  t["Concat"] = concat;
  t["Split"] = split;
  t["Slice"] = slice;
  t["Expand"] = expand;
  t["Tile"] = tile;
  t["Pad"] = pad;
  t["Shape"] = shape_of;
  t["Size"] = size_of;
  t["Range"] = range;
  t["ConstantOfShape"] = constant_of_shape;
  t["DepthToSpace"] = depth_to_space;
  t["SpaceToDepth"] = space_to_depth;
}

}  // namespace onnxport::onnx::inference
