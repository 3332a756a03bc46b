// Reductions over axes. An empty or missing list of axes means all, for PyTorch and for
// Builder::reduce.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lower/outputs.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using Axes = std::optional<std::vector<int64_t>>;
using OptionalDType = std::optional<DType>;

// Sums and products of integers and booleans are int64 in PyTorch.
Value summable(Builder& g, Value x, const OptionalDType& dtype) {
  if (dtype) return g.cast(x, *dtype);
  return is_integer(x->dtype) || x->dtype == DType::kBool ? g.cast(x, DType::kInt64) : x;
}

// ReduceMax and ArgMax take no booleans and few integer types: f sees one that they take.
template <typename F>
Value through_int32(Builder& g, Value x, F f) {
  const DType dtype = x->dtype;
  const bool narrow = dtype == DType::kBool || (is_integer(dtype) && byte_size(dtype) < 4);
  return narrow ? g.cast(f(g.cast(x, DType::kInt32)), dtype) : f(x);
}

Value extreme(Builder& g, const char* op_type, Value x, const std::vector<int64_t>& axes,
              bool keepdim) {
  return through_int32(g, x, [&](Value y) { return g.reduce(op_type, y, axes, keepdim); });
}

Value mean(Builder& g, Value x, const std::vector<int64_t>& axes, bool keepdim,
           const OptionalDType& dtype) {
  return g.reduce("ReduceMean", dtype ? g.cast(x, *dtype) : x, axes, keepdim);
}

Value all_ones(Builder& g, Value x, bool keepdim, Value scalar) {
  return keepdim ? g.reshape(scalar, Shape(static_cast<size_t>(Builder::rank(x)), Expr(1)))
                 : scalar;
}

// Index of the largest or smallest element; without an axis, in the flattened tensor.
Value arg_extreme(Builder& g, const char* op_type, Value x, std::optional<int64_t> dim,
                  bool keepdim) {
  if (Builder::rank(x) == 0) return g.int_scalar(0);
  if (x->dtype == DType::kBool || (is_integer(x->dtype) && byte_size(x->dtype) < 4)) {
    x = g.cast(x, DType::kInt32);
  } else if (x->dtype == DType::kInt64) {
    x = g.cast(x, DType::kDouble);  // ArgMax of ONNX Runtime has no int64; exact up to 2^53
  }
  if (dim) {
    return g.op(op_type, {x}, {{"axis", Builder::axis(*dim, x)}, {"keepdims", keepdim}});
  }
  Value flat = g.reshape(x, {product(Builder::shape(x))});
  return all_ones(g, x, keepdim, g.op(op_type, {flat}, {{"axis", 0}, {"keepdims", 0}}));
}

Values extreme_and_index(Builder& g, Value x, int64_t dim, bool keepdim, bool largest) {
  if (Builder::rank(x) == 0) return {x, g.int_scalar(0)};
  Values out = {nullptr, nullptr};
  out[0] = extreme(g, largest ? "ReduceMax" : "ReduceMin", x, {dim}, keepdim);
  if (uses_output(g, 1)) out[1] = arg_extreme(g, largest ? "ArgMax" : "ArgMin", x, dim, keepdim);
  return out;
}

Value as_bool(Builder& g, Value x) { return g.cast(x, DType::kBool); }

// any is the maximum, all the minimum of zeros and ones.
Value truth(Builder& g, const char* op_type, Value x, const std::vector<int64_t>& axes,
            bool keepdim) {
  if (Builder::rank(x) == 0) return as_bool(g, x);
  Value y = g.reduce(op_type, g.cast(as_bool(g, x), DType::kInt32), axes, keepdim);
  // PyTorch keeps uint8 for uint8 (an old promise of ByteTensor masks).
  return g.cast(y, x->dtype == DType::kUint8 ? DType::kUint8 : DType::kBool);
}

// --- variance -----------------------------------------------------------------------------------

Expr count_of(Value x, const std::vector<int64_t>& axes) {
  const Shape& sizes = Builder::shape(x);
  if (axes.empty()) return product(sizes);
  Expr out = 1;
  for (int64_t a : axes) out = out * sizes[static_cast<size_t>(Builder::axis(a, x))];
  return out;
}

// n - correction as a scalar; symbolic sizes are read from the tensor.
Value degrees(Builder& g, const Expr& n, double correction, DType dtype) {
  if (n.is_const())
    return g.scalar(std::max(0.0, static_cast<double>(n.value()) - correction), dtype);
  Value count = g.cast(g.int_scalar(n), dtype);
  return correction == 0 ? count : g.sub(count, g.scalar(correction, dtype));
}

struct Spread {
  Value spread;  // variance or standard deviation
  Value mean;
};

Spread spread_of(Builder& g, Value x, std::vector<int64_t> axes, double correction, bool keepdim,
                 bool root) {
  Value centre = g.reduce("ReduceMean", x, axes, true);
  Value d = g.sub(x, centre);
  Value out = nullptr;
  if (correction == 0) {
    out = g.reduce("ReduceMean", g.mul(d, d), axes, keepdim);
  } else {
    out = g.div(g.reduce("ReduceSumSquare", d, axes, keepdim),
                degrees(g, count_of(x, axes), correction, x->dtype));
  }
  if (root) out = g.op("Sqrt", {out});
  Value flat = centre;
  if (!keepdim && uses_output(g, 1)) {
    std::vector<int64_t> all = axes;
    for (int64_t i = 0; axes.empty() && i < Builder::rank(x); ++i) all.push_back(i);
    flat = g.squeeze(centre, all);
  }
  return {out, flat};
}

double correction_of(const std::optional<double>& correction) { return correction.value_or(1); }

// --- norms --------------------------------------------------------------------------------------

Value vector_norm(Builder& g, Value x, double p, const std::vector<int64_t>& axes, bool keepdim,
                  const OptionalDType& dtype) {
  if (dtype) x = g.cast(x, *dtype);
  if (p == 2)
    return Builder::rank(x) == 0 ? g.op("Abs", {x}) : g.reduce("ReduceL2", x, axes, keepdim);
  if (p == 1)
    return Builder::rank(x) == 0 ? g.op("Abs", {x}) : g.reduce("ReduceL1", x, axes, keepdim);
  Value size = g.op("Abs", {x});
  if (std::isinf(p)) return g.reduce(p > 0 ? "ReduceMax" : "ReduceMin", size, axes, keepdim);
  if (p == 0) return g.reduce("ReduceSum", g.op("Sign", {size}), axes, keepdim);
  Value sum = g.reduce("ReduceSum", g.op("Pow", {size, g.scalar_like(p, x)}), axes, keepdim);
  return g.op("Pow", {sum, g.scalar_like(1 / p, x)});
}

// x1 . x2 / (max(|x1|, eps) max(|x2|, eps))
Value cosine_similarity(Builder& g, Value a, Value b, int64_t dim, double eps) {
  auto [x, y] = g.promoted(a, b);
  const int64_t axis =
      Builder::axis(dim, Builder::rank(x) >= Builder::rank(y) ? x : y) -
      std::max(Builder::rank(x), Builder::rank(y));  // counted from the end: both have it
  auto size = [&](Value v) {
    return g.clip(g.reduce("ReduceL2", v, {axis}, false), eps, std::nullopt);
  };
  Value dot = g.reduce("ReduceSum", g.mul(x, y), {axis}, false);
  return g.div(dot, g.mul(size(x), size(y)));
}

// v * (g / |v|), |v| over every axis but dim; of constants nothing is left but the result.
Value weight_norm(Builder& g, Value v, Value gain, int64_t dim) {
  std::vector<int64_t> axes;
  const int64_t kept = dim == -1 ? -1 : Builder::axis(dim, v);
  for (int64_t i = 0; i < Builder::rank(v); ++i) {
    if (i != kept) axes.push_back(i);
  }
  return g.mul(v, g.div(gain, g.reduce("ReduceL2", v, axes, true)));
}

// --- order --------------------------------------------------------------------------------------

Values top_k(Builder& g, Value x, Expr k, int64_t dim, bool largest, bool sorted) {
  if (Builder::rank(x) == 0) return {x, g.int_scalar(0)};
  const DType dtype = x->dtype;
  if (dtype == DType::kBool || (is_integer(dtype) && byte_size(dtype) < 4))
    x = g.cast(x, DType::kInt32);
  Values out =
      g.op_n("TopK", {x, g.shape_tensor({k})},
             {{"axis", Builder::axis(dim, x)}, {"largest", largest}, {"sorted", sorted}}, 2);
  if (x->dtype != dtype) out[0] = g.cast(out[0], dtype);
  return out;
}

Values sort(Builder& g, Value x, int64_t dim, bool descending) {
  if (Builder::rank(x) == 0) return {x, g.int_scalar(0)};
  return top_k(g, x, Builder::shape(x)[static_cast<size_t>(Builder::axis(dim, x))], dim, descending,
               true);
}

// The k-th smallest (from 1) along an axis, and where it was.
Values kth_smallest(Builder& g, Value x, const Expr& k, int64_t dim, bool keepdim) {
  if (Builder::rank(x) == 0) return {x, g.int_scalar(0)};
  Values out = top_k(g, x, k, dim, false, true);
  for (Value& value : out) {
    const Expr last = k - Expr(1);
    value = keepdim ? g.slice(value, dim, last, k) : g.gather(value, g.int_scalar(last), dim);
  }
  return out;
}

Value cumsum(Builder& g, Value x, int64_t dim, OptionalDType dtype) {
  x = summable(g, x, dtype);
  if (Builder::rank(x) == 0) return x;
  return g.op("CumSum", {x, g.int_scalar(Builder::axis(dim, x))});
}

Value count_nonzero(Builder& g, Value x, const std::vector<int64_t>& axes) {
  return g.reduce("ReduceSum", g.cast(as_bool(g, x), DType::kInt64), axes, false);
}

std::vector<int64_t> list(const std::optional<int64_t>& dim) {
  return dim ? std::vector<int64_t>{*dim} : std::vector<int64_t>{};
}

}  // namespace

LOWER("aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, OptionalDType dtype) { return mean(g, x, {}, false, dtype); });
LOWER(
    "aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, Axes axes, bool keepdim, OptionalDType dtype) {
      return mean(g, x, axes.value_or(std::vector<int64_t>{}), keepdim, dtype);
    });
LOWER("aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, OptionalDType dtype) {
        return g.reduce("ReduceSum", summable(g, x, dtype), {}, false);
      });
LOWER(
    "aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, Axes axes, bool keepdim, OptionalDType dtype) {
      return g.reduce("ReduceSum", summable(g, x, dtype), axes.value_or(std::vector<int64_t>{}),
                      keepdim);
    });
LOWER(
    "aten::nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, Axes axes, bool keepdim, OptionalDType dtype) {
      x = summable(g, x, dtype);
      if (is_floating(x->dtype)) x = g.where(g.op("IsNaN", {x}), g.scalar_like(0, x), x);
      return g.reduce("ReduceSum", x, axes.value_or(std::vector<int64_t>{}), keepdim);
    });
LOWER("aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      [](Builder& g, Value x, OptionalDType dtype) {
        return g.reduce("ReduceProd", summable(g, x, dtype), {}, false);
      });
LOWER(
    "aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, int64_t dim, bool keepdim, OptionalDType dtype) {
      return g.reduce("ReduceProd", summable(g, x, dtype), {dim}, keepdim);
    });
LOWER("aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::vector<int64_t> axes, bool keepdim) {
        if (!is_floating(x->dtype)) x = g.cast(x, DType::kFloat);
        return g.reduce("ReduceLogSumExp", x, axes, keepdim);
      });

LOWER("aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::vector<int64_t> axes, bool keepdim) {
        return extreme(g, "ReduceMax", x, axes, keepdim);
      });
LOWER("aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::vector<int64_t> axes, bool keepdim) {
        return extreme(g, "ReduceMin", x, axes, keepdim);
      });
LOWER(
    "aten::aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
    [](Builder& g, Value x, std::optional<int64_t> dim, bool keepdim) {
      return Values{extreme(g, "ReduceMin", x, list(dim), keepdim),
                    extreme(g, "ReduceMax", x, list(dim), keepdim)};
    });
LOWER("aten::max(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return extreme(g, "ReduceMax", x, {}, false); });
LOWER("aten::min(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return extreme(g, "ReduceMin", x, {}, false); });
LOWER("aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      [](Builder& g, Value x, int64_t dim, bool keepdim) {
        return extreme_and_index(g, x, dim, keepdim, true);
      });
LOWER("aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      [](Builder& g, Value x, int64_t dim, bool keepdim) {
        return extreme_and_index(g, x, dim, keepdim, false);
      });
LOWER("aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::optional<int64_t> dim, bool keepdim) {
        return arg_extreme(g, "ArgMax", x, dim, keepdim);
      });
LOWER("aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::optional<int64_t> dim, bool keepdim) {
        return arg_extreme(g, "ArgMin", x, dim, keepdim);
      });

LOWER("aten::all(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return truth(g, "ReduceMin", x, {}, false); });
LOWER("aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, int64_t dim, bool keepdim) {
        return truth(g, "ReduceMin", x, {dim}, keepdim);
      });
LOWER("aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, Axes axes, bool keepdim) {
        return truth(g, "ReduceMin", x, axes.value_or(std::vector<int64_t>{}), keepdim);
      });
LOWER("aten::any(Tensor self) -> Tensor",
      [](Builder& g, Value x) { return truth(g, "ReduceMax", x, {}, false); });
LOWER("aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, int64_t dim, bool keepdim) {
        return truth(g, "ReduceMax", x, {dim}, keepdim);
      });
LOWER("aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, Axes axes, bool keepdim) {
        return truth(g, "ReduceMax", x, axes.value_or(std::vector<int64_t>{}), keepdim);
      });
LOWER("aten::count_nonzero(Tensor self, int? dim=None) -> Tensor",
      [](Builder& g, Value x, std::optional<int64_t> dim) {
        return count_nonzero(g, x, list(dim));
      });
LOWER("aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor", count_nonzero);

// var(x) and std(x): `unbiased` is a correction of 1 or 0
#define SPREAD(name, root)                                                                                                   \
  LOWER("aten::" name "(Tensor self, bool unbiased=True) -> Tensor",                                                         \
        [](Builder& g, Value x, bool unbiased) {                                                                             \
          return spread_of(g, x, {}, unbiased ? 1 : 0, false, root).spread;                                                  \
        });                                                                                                                  \
  LOWER("aten::" name                                                                                                        \
        ".dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",                                  \
        [](Builder& g, Value x, Axes axes, bool unbiased, bool keepdim) {                                                    \
          return spread_of(g, x, axes.value_or(std::vector<int64_t>{}), unbiased ? 1 : 0, keepdim,                           \
                           root)                                                                                             \
              .spread;                                                                                                       \
        });                                                                                                                  \
  LOWER(                                                                                                                     \
      "aten::" name                                                                                                          \
      ".correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",                \
      [](Builder& g, Value x, Axes axes, std::optional<double> correction, bool keepdim) {                                   \
        return spread_of(g, x, axes.value_or(std::vector<int64_t>{}), correction_of(correction),                             \
                         keepdim, root)                                                                                      \
            .spread;                                                                                                         \
      });                                                                                                                    \
  LOWER("aten::" name "_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)",                                          \
        [](Builder& g, Value x, bool unbiased) {                                                                             \
          Spread s = spread_of(g, x, {}, unbiased ? 1 : 0, false, root);                                                     \
          return Values{s.spread, s.mean};                                                                                   \
        });                                                                                                                  \
  LOWER(                                                                                                                     \
      "aten::" name                                                                                                          \
      "_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)",                     \
      [](Builder& g, Value x, Axes axes, bool unbiased, bool keepdim) {                                                      \
        Spread s = spread_of(g, x, axes.value_or(std::vector<int64_t>{}), unbiased ? 1 : 0,                                  \
                             keepdim, root);                                                                                 \
        return Values{s.spread, s.mean};                                                                                     \
      });                                                                                                                    \
  LOWER(                                                                                                                     \
      "aten::" name                                                                                                          \
      "_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)", \
      [](Builder& g, Value x, Axes axes, std::optional<double> correction, bool keepdim) {                                   \
        Spread s = spread_of(g, x, axes.value_or(std::vector<int64_t>{}),                                                    \
                             correction_of(correction), keepdim, root);                                                      \
        return Values{s.spread, s.mean};                                                                                     \
      })
SPREAD("var", false);
SPREAD("std", true);
#undef SPREAD

LOWER(
    "aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, double p, Axes axes, bool keepdim, OptionalDType dtype) {
      return vector_norm(g, x, p, axes.value_or(std::vector<int64_t>{}), keepdim, dtype);
    });
LOWER("aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor",
      [](Builder& g, Value x, double p) { return vector_norm(g, x, p, {}, false, std::nullopt); });
LOWER("aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::optional<double> p, std::vector<int64_t> axes, bool keepdim) {
        return vector_norm(g, x, p.value_or(2), axes, keepdim, std::nullopt);
      });
LOWER(
    "aten::norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> Tensor",
    [](Builder& g, Value x, std::optional<double> p, std::vector<int64_t> axes, bool keepdim,
       DType dtype) { return vector_norm(g, x, p.value_or(2), axes, keepdim, dtype); });
LOWER("aten::frobenius_norm.dim(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
      [](Builder& g, Value x, std::vector<int64_t> axes, bool keepdim) {
        return vector_norm(g, x, 2, axes, keepdim, std::nullopt);
      });

LOWER(
    "aten::linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    [](Builder& g, Value x, std::optional<double> p, Axes axes, bool keepdim, OptionalDType dtype) {
      const size_t n = axes ? axes->size() : static_cast<size_t>(Builder::rank(x));
      if (p && n > 1) refuse("linalg_norm of matrices with an order; give one axis");
      return vector_norm(g, x, p.value_or(2), axes.value_or(std::vector<int64_t>{}), keepdim,
                         dtype);
    });
LOWER("aten::cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
      cosine_similarity);
LOWER(
    "aten::pairwise_distance(Tensor x1, Tensor x2, float p=2., float eps=9.9999999999999995e-07, bool keepdim=False) -> Tensor",
    [](Builder& g, Value a, Value b, double p, double eps, bool keepdim) {
      Value d = g.sub(a, b);
      return vector_norm(g, g.add(d, g.scalar_like(eps, d)), p, {-1}, keepdim, std::nullopt);
    });
LOWER("aten::_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor", weight_norm);
LOWER("aten::_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)",
      [](Builder& g, Value v, Value gain, int64_t dim) {
        return Values{weight_norm(g, v, gain, dim), nullptr};
      });

LOWER("aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", cumsum);
LOWER(
    "aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
    top_k);
LOWER(
    "aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    sort);
LOWER(
    "aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    [](Builder& g, Value x, Ignored, int64_t dim, bool descending) {
      return sort(g, x, dim, descending);
    });
LOWER("aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
      [](Builder& g, Value x, int64_t dim, bool descending) {
        return sort(g, x, dim, descending)[1];
      });
LOWER(
    "aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
    [](Builder& g, Value x, Ignored, int64_t dim, bool descending) {
      return sort(g, x, dim, descending)[1];
    });
LOWER(
    "aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    kth_smallest);
LOWER(
    "aten::median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    [](Builder& g, Value x, int64_t dim, bool keepdim) {
      if (Builder::rank(x) == 0) return Values{x, g.int_scalar(0)};
      const Expr n = Builder::shape(x)[static_cast<size_t>(Builder::axis(dim, x))];
      return kth_smallest(g, x, floordiv(n + Expr(1), Expr(2)), dim, keepdim);
    });
LOWER("aten::median(Tensor self) -> Tensor", [](Builder& g, Value x) {
  if (Builder::rank(x) == 0) return x;
  const Expr n = product(Builder::shape(x));
  return kth_smallest(g, g.reshape(x, {n}), floordiv(n + Expr(1), Expr(2)), 0, false)[0];
});

}  // namespace onnxport::lower
