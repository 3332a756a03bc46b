// Parts of tensors and tensors from parts: cat, stack, split, unbind, select, slice, roll, flip,
// ...
#include "lower/slicing.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "lower/elementwise.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();

// --- joining ----------------------------------------------------------------------------------

// PyTorch skips 1-D tensors of size 0, whatever the rank of the others.
Value cat(Builder& g, Values tensors, int64_t dim) {
  Values parts;
  for (Value x : tensors) {
    const Shape& shape = Builder::shape(x);
    if (shape.size() != 1 || !shape[0].is_const(0)) parts.push_back(x);
  }
  if (parts.empty()) return tensors.at(0);
  const DType t = g.promote(tensors);
  for (Value& x : parts) x = g.cast(x, t);
  return g.concat(parts, dim);
}
LOWER("aten::cat(Tensor[] tensors, int dim=0) -> Tensor", cat);
LOWER("aten::concat(Tensor[] tensors, int dim=0) -> Tensor", cat);
LOWER("aten::concatenate(Tensor[] tensors, int dim=0) -> Tensor", cat);

Value stack(Builder& g, Values tensors, int64_t dim) {
  const int64_t n = Builder::rank(tensors.at(0)) + 1;
  const int64_t axis = dim < 0 ? dim + n : dim;
  for (Value& x : tensors) x = g.unsqueeze(x, {axis});
  return cat(g, tensors, axis);
}
LOWER("aten::stack(Tensor[] tensors, int dim=0) -> Tensor", stack);

// At least `rank` dimensions, as numpy's atleast_1d, _2d and _3d add them.
Value at_least(Builder& g, Value x, int64_t rank) {
  if (Builder::rank(x) >= rank) return x;
  if (Builder::rank(x) == 0) return g.reshape(x, Shape(static_cast<size_t>(rank), Expr(1)));
  if (rank == 2) return g.unsqueeze(x, {0});
  return Builder::rank(x) == 2 ? g.unsqueeze(x, {2}) : g.unsqueeze(x, {0, 2});
}
LOWER("aten::hstack(Tensor[] tensors) -> Tensor", [](Builder& g, Values tensors) {
  for (Value& x : tensors) x = at_least(g, x, 1);
  return cat(g, tensors, Builder::rank(tensors.at(0)) == 1 ? 0 : 1);
});
LOWER("aten::vstack(Tensor[] tensors) -> Tensor", [](Builder& g, Values tensors) {
  for (Value& x : tensors) x = at_least(g, x, 2);
  return cat(g, tensors, 0);
});
LOWER("aten::dstack(Tensor[] tensors) -> Tensor", [](Builder& g, Values tensors) {
  for (Value& x : tensors) x = at_least(g, x, 3);
  return cat(g, tensors, 2);
});
LOWER("aten::column_stack(Tensor[] tensors) -> Tensor", [](Builder& g, Values tensors) {
  for (Value& x : tensors) {
    if (Builder::rank(x) < 2) x = g.unsqueeze(at_least(g, x, 1), {1});
  }
  return cat(g, tensors, 1);
});
LOWER("aten::atleast_1d(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return at_least(g, self, 1); });
LOWER("aten::atleast_2d(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return at_least(g, self, 2); });
LOWER("aten::atleast_3d(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return at_least(g, self, 3); });

// --- splitting --------------------------------------------------------------------------------

// Sizes of the parts as the source recorded them, for dimensions that are not known numbers.
std::vector<Expr> recorded_sizes(Builder& g, int64_t axis) {
  std::vector<Expr> out;
  for (size_t i = 0; i < g.node().outputs.size(); ++i) {
    const aten::Value* part = g.recorded(i);
    if (part == nullptr || !part->shape) {
      refuse("the parts' sizes are not known; export with this axis fixed");
    }
    out.push_back((*part->shape)[axis]);
  }
  return out;
}

Values split_by(Builder& g, Value self, Expr split_size, int64_t dim) {
  const int64_t axis = Builder::axis(dim, self);
  const Expr size = Builder::shape(self)[axis];
  if (!size.is_const() || !split_size.is_const()) {
    return g.split(self, axis, recorded_sizes(g, axis));
  }
  std::vector<Expr> sizes;
  int64_t left = size.value();
  do {
    sizes.emplace_back(std::min(left, split_size.value()));
    left -= split_size.value();
  } while (left > 0 && split_size.value() > 0);
  return g.split(self, axis, sizes);
}
Values split_sizes(Builder& g, Value self, Shape sizes, int64_t dim) {
  return g.split(self, dim, sizes);
}
Values chunk(Builder& g, Value self, int64_t chunks, int64_t dim) {
  const Expr size = Builder::shape(self)[Builder::axis(dim, self)];
  return split_by(g, self, ceildiv(size, Expr(chunks)), dim);
}
LOWER("aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
      split_by);
LOWER("aten::unsafe_split.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]", split_by);
LOWER("aten::split.sizes(Tensor(a -> *) self, SymInt[] split_size, int dim=0) -> Tensor(a)[]",
      split_sizes);
LOWER("aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
      split_sizes);
LOWER("aten::unsafe_split_with_sizes(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]",
      split_sizes);
LOWER("aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]", chunk);
LOWER("aten::unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", chunk);
LOWER("aten::tensor_split.sections(Tensor(a -> *) self, SymInt sections, int dim=0) -> Tensor(a)[]",
      [](Builder& g, Value self, int64_t sections, int64_t dim) {
        const int64_t axis = Builder::axis(dim, self);
        const Expr size = Builder::shape(self)[axis];
        if (!size.is_const()) return g.split(self, axis, recorded_sizes(g, axis));
        std::vector<Expr> sizes;
        for (int64_t i = 0; i < sections; ++i) {
          sizes.emplace_back(size.value() / sections + (i < size.value() % sections ? 1 : 0));
        }
        return g.split(self, axis, sizes);
      });

// One Gather for each part that is used beats a Split and its Squeezes.
LOWER("aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]",
      [](Builder& g, Value self, int64_t dim) {
        const int64_t axis = Builder::axis(dim, self);
        const Expr size = Builder::shape(self)[axis];
        if (!size.is_const()) refuse("unbind of a dimension whose size is not known");
        Values out;
        for (int64_t i = 0; i < size.value(); ++i) out.push_back(select(g, self, axis, Expr(i)));
        return out;
      });

// --- select and slice -------------------------------------------------------------------------

LOWER("aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)", select);
LOWER(
    "aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)",
    [](Builder& g, Value self, int64_t dim, std::optional<Expr> start, std::optional<Expr> end,
       int64_t step) {
      return g.slice(self, dim, start.value_or(Expr(0)), end.value_or(Expr(kEnd)), step);
    });
LOWER("aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)",
      [](Builder& g, Value self, int64_t dim, Expr start, Expr length) {
        if (start.is_const() && start.value() < 0) {
          start = start + Builder::shape(self)[Builder::axis(dim, self)];
        }
        return g.slice(self, dim, start, start + length);
      });

Value flip(Builder& g, Value self, std::vector<int64_t> dims) {
  if (dims.empty() || Builder::rank(self) == 0) return self;
  for (int64_t& dim : dims) dim = Builder::axis(dim, self);
  const size_t n = dims.size();
  Value out = g.op(
      "Slice", {self, g.ints(std::vector<int64_t>(n, -1)), g.ints(std::vector<int64_t>(n, kBegin)),
                g.ints(dims), g.ints(std::vector<int64_t>(n, -1))});
  if (out->constant() == nullptr) out->shape = Builder::shape(self);
  return out;
}
LOWER("aten::flip(Tensor self, int[] dims) -> Tensor", flip);
LOWER("aten::fliplr(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return flip(g, self, {1}); });
LOWER("aten::flipud(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return flip(g, self, {0}); });

// The last `shift` elements come first. Indices that count from the end need no size.
Value roll_one(Builder& g, Value x, int64_t shift, int64_t axis) {
  const Expr size = Builder::shape(x)[axis];
  if (size.is_const()) {
    if (size.value() == 0) return x;
    shift = ((shift % size.value()) + size.value()) % size.value();
    if (shift == 0) return x;
    shift = shift > size.value() / 2 ? shift - size.value() : shift;
  }
  if (shift == 0) return x;
  const Expr cut(-shift);
  Value out = g.concat({g.slice(x, axis, cut, Expr(kEnd)), g.slice(x, axis, Expr(0), cut)}, axis);
  if (out->constant() == nullptr) out->shape = Builder::shape(x);
  return out;
}
LOWER("aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor",
      [](Builder& g, Value self, std::vector<int64_t> shifts, std::vector<int64_t> dims) {
        if (dims.empty()) {
          const Shape shape = Builder::shape(self);
          return g.reshape(roll_one(g, g.reshape(self, {product(shape)}), shifts.at(0), 0), shape);
        }
        Value x = self;
        for (size_t i = 0; i < dims.size(); ++i) {
          x = roll_one(g, x, shifts.at(i), Builder::axis(dims[i], self));
        }
        return x;
      });

// --- windows and diagonals --------------------------------------------------------------------

// Windows [n, size] of indices gathered at `dimension`; the window becomes the last dimension.
LOWER("aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)",
      [](Builder& g, Value self, int64_t dimension, int64_t size, int64_t step) {
        const int64_t axis = Builder::axis(dimension, self);
        const Expr length = Builder::shape(self)[axis];
        const Expr n = floordiv(length - Expr(size), Expr(step)) + Expr(1);
        Value starts = g.mul(range(g, n), g.ints({step}));
        Value windows = g.add(g.unsqueeze(starts, {1}), range(g, Expr(size)));
        Value x = g.gather(self, windows, axis);
        std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(x)));
        std::iota(perm.begin(), perm.end(), 0);
        perm.erase(perm.begin() + axis + 1);
        perm.push_back(axis + 1);
        return g.transpose(x, perm);
      });

// The two dimensions are brought to the end and flattened; the diagonal's elements are C+1 apart.
LOWER("aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
      [](Builder& g, Value self, int64_t offset, int64_t dim1, int64_t dim2) {
        const int64_t a = Builder::axis(dim1, self);
        const int64_t b = Builder::axis(dim2, self);
        std::vector<int64_t> perm;
        Shape flat;
        for (int64_t i = 0; i < Builder::rank(self); ++i) {
          if (i == a || i == b) continue;
          perm.push_back(i);
          flat.push_back(Builder::shape(self)[i]);
        }
        perm.push_back(a);
        perm.push_back(b);
        const Expr rows = Builder::shape(self)[a];
        const Expr columns = Builder::shape(self)[b];
        if (!rows.is_const() || !columns.is_const()) {
          refuse("the diagonal of a matrix whose size is not known");
        }
        std::vector<int64_t> indices;
        for (int64_t i = std::max<int64_t>(0, -offset); i < rows.value(); ++i) {
          if (i + offset < columns.value()) indices.push_back(i * columns.value() + i + offset);
        }
        flat.push_back(rows * columns);
        Value x = g.reshape(g.transpose(self, perm), flat);
        return g.gather(x, g.ints(indices), static_cast<int64_t>(flat.size()) - 1);
      });

// Trilu is there from opset 14, for the dtypes that ONNX Runtime has; else a mask selects.
Value triangle(Builder& g, Value self, Expr diagonal, bool upper) {
  const DType t = self->dtype;
  if (g.opset() >= 14 && (t == DType::kFloat || t == DType::kDouble || t == DType::kInt64)) {
    return g.op("Trilu", {self, diagonal.is_const(0) ? nullptr : g.int_scalar(diagonal)},
                {{"upper", upper}});
  }
  const int64_t n = Builder::rank(self);
  Value rows = g.unsqueeze(range(g, Builder::shape(self)[n - 2]), {1});
  Value limit = g.add(rows, g.int_scalar(diagonal));
  Value columns = range(g, Builder::shape(self)[n - 1]);
  Value keep = g.op(upper ? "GreaterOrEqual" : "LessOrEqual", {columns, limit});
  if (t == DType::kBool) return g.op("And", {self, keep});
  return g.where(keep, self, g.scalar_like(0, self));
}
LOWER("aten::tril(Tensor self, SymInt diagonal=0) -> Tensor",
      [](Builder& g, Value self, Expr diagonal) { return triangle(g, self, diagonal, false); });
LOWER("aten::triu(Tensor self, SymInt diagonal=0) -> Tensor",
      [](Builder& g, Value self, Expr diagonal) { return triangle(g, self, diagonal, true); });

// --- writes into parts ------------------------------------------------------------------------

// An index as slices clamp it: from the end when negative, within [0, size] where both are known.
Expr clamped(const Expr& e, const Expr& size) {
  if (!e.is_const()) return e;
  if (e.is_const(kEnd)) return size;
  Expr x = e.value() < 0 ? e + size : e;
  if (x.is_const() && size.is_const()) return Expr(std::clamp<int64_t>(x.value(), 0, size.value()));
  return x;
}

// Before, src, behind, joined again; with a step, rows are scattered along the axis.
Value slice_scatter(Builder& g, Value self, Value src, int64_t dim, std::optional<Expr> start,
                    std::optional<Expr> end, int64_t step) {
  const int64_t axis = Builder::axis(dim, self);
  const Expr size = Builder::shape(self)[axis];
  const Expr from = clamped(start.value_or(Expr(0)), size);
  const Expr to = clamped(end.value_or(Expr(kEnd)), size);
  Shape part = Builder::shape(self);
  part[axis] = ceildiv(to - from, Expr(step));
  src = g.expand(g.cast(src, self->dtype), part);
  if (step == 1) {
    Values parts;
    if (!from.is_const(0)) parts.push_back(g.slice(self, axis, Expr(0), from));
    parts.push_back(src);
    if (to != size) parts.push_back(g.slice(self, axis, to, Expr(kEnd)));
    return g.concat(parts, axis);
  }
  std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(self)));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[0], perm[axis]);
  Value rows = g.mul(range(g, part[axis]), g.ints({step}));
  rows = g.add(rows, g.int_scalar(from));
  Value x =
      g.op("ScatterND", {g.transpose(self, perm), g.unsqueeze(rows, {1}), g.transpose(src, perm)});
  return g.transpose(x, perm);
}
LOWER(
    "aten::slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor",
    slice_scatter);
LOWER("aten::select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor",
      [](Builder& g, Value self, Value src, int64_t dim, Expr index) {
        const int64_t axis = Builder::axis(dim, self);
        if (index.is_const() && index.value() < 0) index = index + Builder::shape(self)[axis];
        Shape row = Builder::shape(self);
        row.erase(row.begin() + axis);
        src = g.unsqueeze(g.expand(src, row), {axis});
        return slice_scatter(g, self, src, axis, index, index + Expr(1), 1);
      });

// Strides are of memory: only a whole tensor that lies in memory as its shape says can be followed.
LOWER(
    "aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)",
    [](Builder& g, Value self, Shape size, Shape stride, std::optional<Expr> storage_offset) {
      Expr expected(1);
      bool plain = size.size() == stride.size() && (self->is_input || self->initializer) &&
                   storage_offset.value_or(Expr(0)).is_const(0) &&
                   product(size) == product(Builder::shape(self));
      for (size_t i = size.size(); plain && i-- > 0;) {
        plain = size[i].is_const(1) || stride[i] == expected;
        expected *= size[i];
      }
      if (!plain) {
        refuse(
            "as_strided with strides that are not those of a whole contiguous tensor; "
            "use view, slice or unfold in the model");
      }
      return g.reshape(self, size);
    });

}  // namespace

Value select(Builder& g, Value x, int64_t dim, Expr index) {
  const int64_t axis = Builder::axis(dim, x);
  const Expr size = Builder::shape(x)[axis];
  if (index.is_const() && index.value() < 0 && size.is_const()) index = index + size;
  return g.gather(x, g.int_scalar(index), axis);
}

Value range(Builder& g, Expr n) {
  if (n.is_const()) {
    std::vector<int64_t> values(static_cast<size_t>(std::max<int64_t>(n.value(), 0)));
    std::iota(values.begin(), values.end(), 0);
    return g.ints(values);
  }
  Value out = g.op("Range", {g.int_scalar(Expr(0)), g.int_scalar(n), g.int_scalar(Expr(1))});
  if (out->constant() == nullptr) out->shape = Shape{n};
  return out;
}

}  // namespace onnxport::lower
