// Tensors from nothing (zeros, full, arange, linspace, eye), from a like (zeros_like, new_full),
// and changes of dtype.
#include <algorithm>
#include <cmath>

#include "lower/elementwise.h"
#include "lower/promotion.h"
#include "lower/rule.h"
#include "lower/slicing.h"

namespace onnxport::lower {

namespace {

using MaybeDType = std::optional<DType>;

// Ranges up to this many elements are written out.
constexpr int64_t kWrittenOut = 1 << 16;

Value filled(Builder& g, const Scalar& value, DType t, const Shape& size) {
  return g.expand(as_tensor(g, value, t), size);
}
const Scalar kZero{Expr(0)};
const Scalar kOne{Expr(1)};

// --- by size ----------------------------------------------------------------------------------

Value zeros(Builder& g, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored) {
  return filled(g, kZero, dtype.value_or(DType::kFloat), size);
}
LOWER(
    "aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    zeros);
LOWER(
    "aten::ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, kOne, dtype.value_or(DType::kFloat), size);
    });
// What is in an empty tensor is anybody's guess: zeros.
LOWER(
    "aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored) {
      return filled(g, kZero, dtype.value_or(DType::kFloat), size);
    });
LOWER(
    "aten::empty_permuted(SymInt[] size, int[] physical_layout, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Shape size, Ignored, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, kZero, dtype.value_or(DType::kFloat), size);
    });
LOWER(
    "aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Shape size, Scalar fill_value, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, fill_value, dtype.value_or(number_type(fill_value)), size);
    });
LOWER(
    "aten::scalar_tensor(Scalar s, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Scalar s, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return as_tensor(g, s, dtype.value_or(DType::kFloat));
    });

// --- like another tensor ----------------------------------------------------------------------

Value like(Builder& g, Value self, const Scalar& value, MaybeDType dtype) {
  return filled(g, value, dtype.value_or(self->dtype), Builder::shape(self));
}
LOWER(
    "aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Value self, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored) {
      return like(g, self, kZero, dtype);
    });
LOWER(
    "aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Value self, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored) {
      return like(g, self, kZero, dtype);
    });
LOWER(
    "aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Value self, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored) {
      return like(g, self, kOne, dtype);
    });
LOWER(
    "aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Value self, Scalar fill_value, MaybeDType dtype, Ignored, Ignored, Ignored,
       Ignored) { return like(g, self, fill_value, dtype); });
LOWER(
    "aten::new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Value self, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, kZero, dtype.value_or(self->dtype), size);
    });
LOWER(
    "aten::new_empty(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Value self, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, kZero, dtype.value_or(self->dtype), size);
    });
LOWER(
    "aten::new_ones(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Value self, Shape size, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return filled(g, kOne, dtype.value_or(self->dtype), size);
    });
LOWER(
    "aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Value self, Shape size, Scalar fill_value, MaybeDType dtype, Ignored, Ignored,
       Ignored) { return filled(g, fill_value, dtype.value_or(self->dtype), size); });

// What fill_, zero_ and copy_ become when they are made functional.
LOWER("aten::fill.Scalar(Tensor self, Scalar value) -> Tensor",
      [](Builder& g, Value self, Scalar value) { return like(g, self, value, std::nullopt); });
LOWER("aten::fill.Tensor(Tensor self, Tensor value) -> Tensor",
      [](Builder& g, Value self, Value value) {
        return g.expand(g.cast(value, self->dtype), Builder::shape(self));
      });
LOWER("aten::zero(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return like(g, self, kZero, std::nullopt); });
LOWER("aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
      [](Builder& g, Value self, Value src, Ignored) {
        return g.expand(g.cast(src, self->dtype), Builder::shape(self));
      });

// --- ranges -----------------------------------------------------------------------------------

DType range_type(std::initializer_list<Scalar> numbers, MaybeDType dtype) {
  if (dtype) return *dtype;
  for (const Scalar& x : numbers) {
    if (x.is_floating()) return DType::kFloat;
  }
  return DType::kInt64;
}

// PyTorch computes start + i*step in double for float32 and rounds once.
Value arange(Builder& g, const Scalar& start, const Scalar& end, const Scalar& step,
             MaybeDType dtype) {
  const DType t = range_type({start, end, step}, dtype);
  const auto a = start.as_double();
  const auto b = end.as_double();
  const auto s = step.as_double();
  if (s && *s == 0) refuse("arange with a step of 0");
  if (a && b && s) {
    const double count = std::max(0.0, std::ceil((*b - *a) / *s));
    if (count <= static_cast<double>(kWrittenOut)) {
      std::vector<double> values(static_cast<size_t>(count));
      for (size_t i = 0; i < values.size(); ++i) values[i] = *a + static_cast<double>(i) * *s;
      Tensor tensor = Tensor::of(DType::kDouble, {static_cast<int64_t>(values.size())}, values);
      return g.cast(g.constant(std::move(tensor)), t);
    }
  }
  if (start.is_floating() || end.is_floating() || step.is_floating()) {
    const DType c = t == DType::kDouble ? t : DType::kFloat;
    return g.cast(
        g.op("Range", {as_tensor(g, start, c), as_tensor(g, end, c), as_tensor(g, step, c)}), t);
  }
  const DType c = DType::kInt64;
  Value out = g.op("Range", {as_tensor(g, start, c), as_tensor(g, end, c), as_tensor(g, step, c)});
  const aten::Value* recorded = g.recorded();
  if (recorded != nullptr && recorded->shape && out->constant() == nullptr)
    out->shape = recorded->shape;
  return g.cast(out, t);
}
LOWER(
    "aten::arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Scalar end, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return arange(g, kZero, end, kOne, dtype);
    });
LOWER(
    "aten::arange.start(Scalar start, Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Scalar start, Scalar end, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return arange(g, start, end, kOne, dtype);
    });
LOWER(
    "aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Scalar start, Scalar end, Scalar step, MaybeDType dtype, Ignored, Ignored,
       Ignored) { return arange(g, start, end, step, dtype); });

// From both ends, in the output's precision, as PyTorch does: the middle is symmetric.
template <typename T>
Tensor linspace_values(DType t, double start, double end, int64_t steps) {
  std::vector<T> out(static_cast<size_t>(steps));
  const T first = static_cast<T>(start);
  const T last = static_cast<T>(end);
  const T step = steps > 1 ? (last - first) / static_cast<T>(steps - 1) : T(0);
  for (int64_t i = 0; i < steps; ++i) {
    out[static_cast<size_t>(i)] = i < steps / 2 || steps == 1
                                      ? first + step * static_cast<T>(i)
                                      : last - step * static_cast<T>(steps - i - 1);
  }
  return Tensor::of<T>(t, {steps}, out);
}
LOWER(
    "aten::linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, double start, double end, int64_t steps, MaybeDType dtype, Ignored, Ignored,
       Ignored) {
      if (steps < 0) refuse("linspace with a negative number of steps");
      const DType t = dtype.value_or(DType::kFloat);
      const bool single = t == DType::kFloat;
      Tensor tensor = single ? linspace_values<float>(DType::kFloat, start, end, steps)
                             : linspace_values<double>(DType::kDouble, start, end, steps);
      return g.cast(g.constant(std::move(tensor)), t);
    });

// Rows equal to columns; constant when both sizes are known.
Value eye(Builder& g, const Expr& n, const Expr& m, MaybeDType dtype) {
  Value equal = g.op("Equal", {g.unsqueeze(range(g, n), {1}), range(g, m)});
  return g.cast(equal, dtype.value_or(DType::kFloat));
}
LOWER(
    "aten::eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Expr n, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return eye(g, n, n, dtype);
    });
LOWER(
    "aten::eye.m(SymInt n, SymInt m, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    [](Builder& g, Expr n, Expr m, MaybeDType dtype, Ignored, Ignored, Ignored) {
      return eye(g, n, m, dtype);
    });

// [2, count]: row and column indices of a triangle, by rows.
template <bool kUpper>
Value triangle_indices(Builder& g, int64_t row, int64_t col, int64_t offset, MaybeDType dtype,
                       Ignored, Ignored, Ignored) {
  std::vector<int64_t> rows;
  std::vector<int64_t> columns;
  for (int64_t i = 0; i < row; ++i) {
    for (int64_t j = 0; j < col; ++j) {
      if (kUpper ? j < i + offset : j > i + offset) continue;
      rows.push_back(i);
      columns.push_back(j);
    }
  }
  const auto count = static_cast<int64_t>(rows.size());
  rows.insert(rows.end(), columns.begin(), columns.end());
  Value out = g.constant(Tensor::of(DType::kInt64, {2, count}, rows));
  return g.cast(out, dtype.value_or(DType::kInt64));
}
LOWER(
    "aten::tril_indices(int row, int col, int offset=0, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    triangle_indices<false>);
LOWER(
    "aten::triu_indices(int row, int col, int offset=0, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    triangle_indices<true>);

// --- dtype ------------------------------------------------------------------------------------

Value to(Builder& g, Value self, MaybeDType dtype) { return dtype ? g.cast(self, *dtype) : self; }
LOWER(
    "aten::to.dtype(Tensor(a) self, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)",
    [](Builder& g, Value self, DType dtype, Ignored, Ignored, Ignored) {
      return to(g, self, dtype);
    });
LOWER(
    "aten::to.device(Tensor(a) self, Device device, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)",
    [](Builder& g, Value self, Ignored, DType dtype, Ignored, Ignored, Ignored) {
      return to(g, self, dtype);
    });
LOWER(
    "aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)",
    [](Builder& g, Value self, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored, Ignored,
       Ignored) { return to(g, self, dtype); });
LOWER(
    "aten::to.other(Tensor(a) self, Tensor other, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)",
    [](Builder& g, Value self, Value other, Ignored, Ignored, Ignored) {
      return to(g, self, other->dtype);
    });
LOWER(
    "aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
    [](Builder& g, Value self, MaybeDType dtype, Ignored, Ignored, Ignored, Ignored, Ignored) {
      return to(g, self, dtype);
    });
LOWER("aten::type_as(Tensor self, Tensor other) -> Tensor",
      [](Builder& g, Value self, Value other) { return to(g, self, other->dtype); });

// What torch 1.5 wrote for x.float().
template <DType kTo>
Value cast_to(Builder& g, Value self, Ignored) {
  return g.cast(self, kTo);
}
LOWER("aten::_cast_Byte(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kUint8>);
LOWER("aten::_cast_Char(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kInt8>);
LOWER("aten::_cast_Short(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kInt16>);
LOWER("aten::_cast_Int(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kInt32>);
LOWER("aten::_cast_Long(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kInt64>);
LOWER("aten::_cast_Half(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kFloat16>);
LOWER("aten::_cast_Float(Tensor self, bool non_blocking=False) -> Tensor", cast_to<DType::kFloat>);
LOWER("aten::_cast_Double(Tensor self, bool non_blocking=False) -> Tensor",
      cast_to<DType::kDouble>);

// --- numbers out of tensors -------------------------------------------------------------------

Value item(Builder& g, Value self) { return g.reshape(self, {}); }
LOWER("aten::item(Tensor self) -> Scalar", item);
LOWER("aten::_local_scalar_dense(Tensor self) -> Scalar", item);
LOWER("aten::_shape_as_tensor(Tensor self) -> Tensor",
      [](Builder& g, Value self) { return g.shape_tensor(Builder::shape(self)); });

// --- assertions: the exporter proved or guarded them ------------------------------------------

LOWER(
    "aten::_assert_tensor_metadata(Tensor a, SymInt[]? size=None, SymInt[]? stride=None, ScalarType? dtype=None, *, Device? device=None, Layout? layout=None) -> ()",
    [](Builder&, Ignored, Ignored, Ignored, Ignored, Ignored, Ignored) { return Values{}; });
LOWER("aten::_assert_scalar(Scalar self, str assert_msg) -> ()",
      [](Builder&, Ignored, Ignored) { return Values{}; });
LOWER("aten::_assert_async.msg(Tensor self, str assert_msg) -> ()",
      [](Builder&, Ignored, Ignored) { return Values{}; });
LOWER("aten::sym_constrain_range(Scalar size, *, int? min=None, int? max=None) -> ()",
      [](Builder&, Ignored, Ignored, Ignored) { return Values{}; });
LOWER("aten::sym_constrain_range_for_size(Scalar size, *, int? min=None, int? max=None) -> ()",
      [](Builder&, Ignored, Ignored, Ignored) { return Values{}; });

}  // namespace
}  // namespace onnxport::lower
