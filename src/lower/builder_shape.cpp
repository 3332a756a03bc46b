// The Builder's vocabulary for sizes: how a symbolic size is read from a tensor, and how reshape,
// expand, slice and split are written so that as few sizes as possible have to be read at all.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/expr_solve.h"
#include "lower/builder.h"

namespace onnxport::lower {

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

bool all_known(const Shape& sizes) {
  return std::all_of(sizes.begin(), sizes.end(), [](const Expr& e) { return e.is_const(); });
}

std::vector<int64_t> known(const Shape& sizes) {
  std::vector<int64_t> out;
  for (const Expr& e : sizes) out.push_back(e.value());
  return out;
}

}  // namespace

void Builder::note_sizes(Value x) {
  if (!x->shape) return;
  for (size_t i = 0; i < x->shape->size(); ++i) {
    const Expr& e = (*x->shape)[i];
    if (e.is_const()) continue;
    seen_.sizes.emplace(e.str(), Dim{x, static_cast<int64_t>(i)});
  }
}

// --- reading sizes ----------------------------------------------------------------------------

std::optional<Builder::Dim> Builder::find_size(const Expr& e, Value hint) const {
  if (auto it = seen_.sizes.find(e.str()); it != seen_.sizes.end()) return it->second;
  if (hint != nullptr && hint->shape) {
    for (size_t i = 0; i < hint->shape->size(); ++i) {
      if ((*hint->shape)[i] == e) return Dim{hint, static_cast<int64_t>(i)};
    }
  }
  return std::nullopt;
}

// Shape has start and end from opset 15 on.
Value Builder::sizes_of(Value tensor, int64_t begin, int64_t end) {
  const int64_t n = rank(tensor);
  if (begin == 0 && end == n) return op("Shape", {tensor});
  if (opset() < 15)
    return op("Slice", {op("Shape", {tensor}), ints({begin}), ints({end}), ints({0})});
  Attributes attributes;
  if (end < n) attributes.emplace_back("end", end);
  if (begin > 0) attributes.emplace_back("start", begin);
  return op("Shape", {tensor}, std::move(attributes));
}

Value Builder::size_of(const Expr& e, Value hint) {
  if (e.is_const()) return ints({e.value()});
  const std::string text = e.str();
  if (auto it = seen_.materialized.find(text); it != seen_.materialized.end()) return it->second;
  Value out = nullptr;
  if (auto dim = find_size(e, hint)) {
    out = sizes_of(dim->tensor, dim->axis, dim->axis + 1);
  } else if (auto it = seen_.scalars.find(text); it != seen_.scalars.end()) {
    out = reshape(cast(it->second, DType::kInt64), {1});
  } else {
    out = e.is_symbol() ? solve(e.symbol_name()) : compute(e, hint);
  }
  if (!out->ints) out->ints = std::vector<Expr>{e};
  return seen_.materialized[text] = out;
}

// A symbol that is no size itself, but a size is a*symbol + b: (size - b) / a.
Value Builder::solve(const std::string& symbol) {
  for (Value input : main_graph().inputs) {
    if (!input->shape) continue;
    for (size_t i = 0; i < input->shape->size(); ++i) {
      const auto form = linear_form((*input->shape)[i]);
      if (!form || form->symbol != symbol || form->factor <= 0) continue;
      const auto axis = static_cast<int64_t>(i);
      Value out = sizes_of(input, axis, axis + 1);
      if (form->rest != 0) out = sub(out, ints({form->rest}));
      return form->factor == 1 ? out : div(out, ints({form->factor}));
    }
  }
  refuse(fmt::format("the size `{}` cannot be read from any tensor", symbol));
}

// Sum of terms, each coefficient * factors. Terms are added in order; -x is subtracted.
Value Builder::compute(const Expr& e, Value hint) {
  std::vector<Expr::Term> terms = e.terms();
  // A positive term first, so that the others can be subtracted from it.
  std::stable_partition(terms.begin(), terms.end(),
                        [](const Expr::Term& t) { return t.coefficient > 0; });
  Value sum = nullptr;
  for (const Expr::Term& term : terms) {
    const bool negative = sum != nullptr && term.coefficient < 0;
    const int64_t coefficient = negative ? -term.coefficient : term.coefficient;
    Value x = nullptr;
    for (const Expr::Factor& factor : term.factors) {
      Value y = compute(factor, hint);
      x = x == nullptr ? y : mul(x, y);
    }
    if (x == nullptr) {
      x = ints({coefficient});
    } else if (coefficient != 1) {
      x = mul(x, ints({coefficient}));
    }
    if (sum == nullptr) {
      sum = x;
    } else {
      sum = negative ? sub(sum, x) : add(sum, x);
    }
  }
  return sum == nullptr ? ints({0}) : sum;
}

// ONNX's Div truncates and its Mod has the divisor's sign: for a numerator that may be negative,
// a // b is (a - a % b) / b.
Value Builder::compute(const Expr::Factor& factor, Value hint) {
  if (factor.op == Expr::Op::kSymbol) return size_of(Expr::symbol(factor.symbol), hint);
  Value a = size_of(factor.args[0], hint);
  Value b = size_of(factor.args[1], hint);
  switch (factor.op) {
    case Expr::Op::kFloorDiv:
      if (surely_nonnegative(factor.args[0])) return div(a, b);
      return div(sub(a, op("Mod", {a, b})), b);
    case Expr::Op::kMod:
      return op("Mod", {a, b});
    case Expr::Op::kMax:
      return op("Max", {a, b});
    default:
      return op("Min", {a, b});
  }
}

bool Builder::surely_nonnegative(const Expr& e) const {
  int64_t least = 0;
  for (const Expr::Term& term : e.terms()) {
    if (term.factors.empty()) {
      least += term.coefficient;
      continue;
    }
    if (term.coefficient < 0) return false;
    int64_t bound = term.coefficient;
    for (const Expr::Factor& factor : term.factors) {
      auto it = factor.op == Expr::Op::kSymbol ? program_.ranges.find(factor.symbol)
                                               : program_.ranges.end();
      const int64_t low =
          it == program_.ranges.end() ? 0 : std::clamp<int64_t>(it->second.min, 0, 1 << 20);
      bound = std::min<int64_t>(bound * low, int64_t{1} << 40);
    }
    least += bound;
  }
  return least >= 0;
}

Value Builder::shape_tensor(const Shape& sizes) { return shape_tensor(sizes, nullptr); }

// Pieces: runs of known sizes, and runs of sizes that one tensor has side by side.
Value Builder::shape_tensor(const Shape& sizes, Value hint) {
  if (all_known(sizes)) return ints(known(sizes));
  Values pieces;
  std::vector<int64_t> constants;
  auto flush = [&] {
    if (!constants.empty()) pieces.push_back(ints(constants));
    constants.clear();
  };
  for (size_t i = 0; i < sizes.size();) {
    if (sizes[i].is_const()) {
      constants.push_back(sizes[i++].value());
      continue;
    }
    flush();
    auto dim = find_size(sizes[i], hint);
    if (!dim) {
      pieces.push_back(size_of(sizes[i++], hint));
      continue;
    }
    const Shape& source = shape(dim->tensor);
    size_t n = 1;
    while (i + n < sizes.size() && dim->axis + n < source.size() &&
           source[dim->axis + n] == sizes[i + n]) {
      ++n;
    }
    pieces.push_back(sizes_of(dim->tensor, dim->axis, dim->axis + static_cast<int64_t>(n)));
    i += n;
  }
  flush();
  Value out = concat(pieces, 0);
  if (!out->ints) out->ints = sizes;
  return out;
}

Value Builder::int_scalar(const Expr& value) {
  if (value.is_const()) return constant(Tensor::of<int64_t>(DType::kInt64, {}, {value.value()}));
  if (auto it = seen_.scalars.find(value.str()); it != seen_.scalars.end()) {
    return reshape(cast(it->second, DType::kInt64), {});
  }
  Value out = squeeze(size_of(value, nullptr), {0});
  if (!out->ints) out->ints = std::vector<Expr>{value};
  return out;
}

// --- the vocabulary of rules ---------------------------------------------------------------------

// Symbolic sizes are written as 0 (the size of x at the same place) or as the one -1; only what is
// left over has to be read from a tensor.
Value Builder::reshape(Value x, const Shape& sizes) {
  const Shape from = shape(x);
  if (from == sizes) return x;
  if (const Tensor* tensor = constant_of(x); tensor != nullptr && all_known(sizes)) {
    const std::vector<int64_t> dims = known(sizes);
    int64_t count = 1;
    for (int64_t d : dims) count *= d;
    if (count != tensor->numel()) {
      refuse(
          fmt::format("{} elements cannot be reshaped to {}", tensor->numel(), to_string(sizes)));
    }
    return derived(x, fmt::format("reshaped {}", fmt::join(dims, " ")),
                   [&] { return tensor->reshaped(dims); });
  }
  Shape code = sizes;
  std::vector<size_t> open;
  bool copies = false;
  bool zeros = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_const() && !sizes[i].is_const(0)) continue;
    if (i < from.size() && from[i] == sizes[i]) {
      code[i] = Expr(0);
      copies = copies || !sizes[i].is_const();
    } else if (sizes[i].is_const()) {
      zeros = true;
    } else {
      open.push_back(i);
    }
  }
  if (zeros) {  // a size that really is 0: every size must then be literal
    if (opset() < 14) {
      refuse(fmt::format(
          "a reshape to a size of 0 needs opset 14 (asked for: {}); export with --opset 14",
          opset()));
    }
    return named_op("Reshape", {x, shape_tensor(sizes, x)}, {{"allowzero", 1}}, sizes);
  }
  if (!open.empty()) {
    size_t inferred = open[0];
    for (size_t i : open) {
      if (!find_size(sizes[i], x)) inferred = i;
    }
    code[inferred] = Expr(-1);
  }
  return named_op("Reshape", {x, shape_tensor(code, x)}, {}, sizes);
}

// Expand broadcasts, so a size that x has already is written as 1.
Value Builder::expand(Value x, const Shape& sizes) {
  const Shape from = shape(x);
  if (from == sizes) return x;
  if (from.size() > sizes.size()) {
    refuse(fmt::format("cannot expand {} to {}", to_string(from), to_string(sizes)));
  }
  Shape code = sizes;
  const size_t lead = sizes.size() - from.size();
  for (size_t i = lead; i < sizes.size(); ++i) {
    if (from[i - lead] == sizes[i]) code[i] = Expr(1);
  }
  return named_op("Expand", {x, shape_tensor(code, nullptr)}, {}, sizes);
}

// An index into a dimension of size `dim`; counts from the end where that is a known number.
Value Builder::index(const Expr& e, const Expr& dim) {
  if (e.is_const()) return ints({e.value()});
  if (e == dim) return ints({kEnd});
  const Expr behind = e - dim;
  if (behind.is_const() && behind.value() < 0) return ints({behind.value()});
  return size_of(e, nullptr);
}

Value Builder::slice(Value x, int64_t dim, Expr start, Expr end, int64_t step) {
  dim = axis(dim, x);
  const Expr size = shape(x)[static_cast<size_t>(dim)];
  const bool to_end = end == size || end.is_const(kEnd) ||
                      (end.is_const() && size.is_const() && end.value() >= size.value());
  if (to_end) end = Expr(kEnd);
  const bool from_start =
      start.is_const(0) || (start.is_const() && size.is_const() && start.value() <= -size.value());
  if (from_start && to_end && step == 1) return x;
  Values inputs = {x, index(start, size), index(end, size), ints({dim})};
  if (step != 1) inputs.push_back(ints({step}));
  return op("Slice", std::move(inputs));
}

Values Builder::split(Value x, int64_t dim, const std::vector<Expr>& sizes) {
  dim = axis(dim, x);
  if (sizes.size() == 1) return {x};
  const bool equal =
      std::all_of(sizes.begin(), sizes.end(), [&](const Expr& e) { return e == sizes[0]; });
  Values out;
  if (equal && !sizes[0].is_const()) {  // no sizes to write down: equal parts
    Attributes attributes = {{"axis", dim}};
    if (opset() >= 18) attributes.emplace_back("num_outputs", static_cast<int64_t>(sizes.size()));
    out = op_n("Split", {x}, std::move(attributes), sizes.size());
  } else {
    out = op_n("Split", {x, shape_tensor(sizes, nullptr)}, {{"axis", dim}}, sizes.size());
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (out[i]->constant() != nullptr) continue;
    Shape part = shape(x);
    part[static_cast<size_t>(dim)] = sizes[i];
    out[i]->shape = std::move(part);
    note_sizes(out[i]);
  }
  return out;
}

Value Builder::pad(Value x, const std::vector<Expr>& begins, const std::vector<Expr>& ends,
                   std::string_view mode, Value value) {
  Shape pads = begins;
  pads.insert(pads.end(), ends.begin(), ends.end());
  if (std::all_of(pads.begin(), pads.end(), [](const Expr& e) { return e.is_const(0); })) return x;
  CHECK(mode != "wrap" || opset() >= 19);
  Values inputs = {x, shape_tensor(pads, nullptr)};
  if (value != nullptr && mode == "constant") inputs.push_back(cast(value, x->dtype));
  return op("Pad", std::move(inputs), {{"mode", std::string(mode)}});
}

}  // namespace onnxport::lower
