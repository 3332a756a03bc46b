// Writing by index: masked_fill, index_put, scatter and their kin.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "lower/indexing.h"
#include "lower/rule.h"
#include "lower/shape.h"

namespace onnxport::lower {

namespace {

using Ints = std::vector<int64_t>;
using IndexList = std::vector<std::optional<Value>>;

Value masked_fill(Builder& g, Value x, Value mask, Value value) {
  return g.where(mask, g.cast(value, x->dtype), x);
}

std::vector<int64_t> inverse(const Ints& perm) {
  Ints out(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    out[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return out;
}

constexpr OpsetNeed kAccumulate = partly_since(16, "index_put with accumulate=True");
constexpr OpsetNeed kIndexAdd = since(16, "index_add");
constexpr OpsetNeed kReduce = since(16, "scatter with a reduction");
constexpr OpsetNeed kReduceExtrema = partly_since(18, "scatter with reduce=\"amax\" or \"amin\"");

const char* reduction(Builder& g, bool accumulate) {
  if (!accumulate) return "none";
  g.need_opset(kAccumulate);
  return "add";
}

Attributes with_reduction(Attributes attributes, const char* how) {
  if (std::string_view(how) != "none") attributes.emplace_back("reduction", how);
  return attributes;
}

// A mask and one value: Where needs no positions.
std::optional<Value> put_by_mask(Builder& g, Value x, const Indices& by, Value values,
                                 bool accumulate) {
  if (by.mask == nullptr || by.tensors.size() != 1 || accumulate) return std::nullopt;
  if (!product(Builder::shape(values)).is_const(1)) return std::nullopt;
  const int64_t behind = Builder::rank(x) - by.axes[0] - by.covered[0];
  Ints axes(static_cast<size_t>(behind));
  std::iota(axes.begin(), axes.end(), by.covered[0]);
  Value mask = g.unsqueeze(g.cast(by.mask, DType::kBool), axes);
  return g.where(mask, g.reshape(values, {}), x);
}

// x with values written where the indices point. ScatterND writes to leading axes, so the indexed
// ones are brought there and back.
Value index_put(Builder& g, Value x, IndexList list, Value values, bool accumulate) {
  Indices by = indices_of(x, list);
  values = g.cast(values, x->dtype);
  if (by.axes.empty()) return g.expand(values, Builder::shape(x));
  if (auto done = put_by_mask(g, x, by, values, accumulate)) return *done;
  by = integer_indices(g, by);
  const char* how = reduction(g, accumulate);
  const Shape common = common_shape(by);
  const int64_t rank = Builder::rank(x);
  const Ints perm = indexed_first(by, rank);
  const Shape& sizes = Builder::shape(x);
  Shape rest;
  for (size_t i = by.axes.size(); i < perm.size(); ++i) {
    rest.push_back(sizes[static_cast<size_t>(perm[i])]);
  }
  const auto block = static_cast<int64_t>(common.size());
  const bool in_place = by.adjacent() && by.axes[0] > 0;  // values come as x[list] has its axes
  Shape wanted = common;
  wanted.insert(wanted.end(), rest.begin(), rest.end());
  if (in_place) {
    const Ints moved = block_moved_to(by.axes[0], block, static_cast<int64_t>(rest.size()));
    Shape as_read;
    for (int64_t p : moved) as_read.push_back(wanted[static_cast<size_t>(p)]);
    values = g.transpose(g.expand(values, as_read), inverse(moved));
  } else {
    values = g.expand(values, wanted);
  }
  Value out = g.op("ScatterND", {g.transpose(x, perm), stacked(g, by, common), values},
                   with_reduction({}, how));
  return g.transpose(out, inverse(perm));
}

Value index_put_tensors(Builder& g, Value x, Values list, Value values, bool accumulate) {
  return index_put(g, x, IndexList(list.begin(), list.end()), values, accumulate);
}

// index_copy, index_add, index_fill: a 1-D index along one axis.
Value put_along(Builder& g, Value x, int64_t dim, Value index, Value values, bool accumulate) {
  const int64_t axis = Builder::axis(dim, x);
  IndexList list(static_cast<size_t>(axis), std::nullopt);
  if (Builder::rank(index) == 0) index = g.unsqueeze(index, {0});
  list.emplace_back(index);
  return index_put(g, x, list, values, accumulate);
}

// --- scatter ------------------------------------------------------------------------------------

// PyTorch reads only as much of src as index is large.
Value cut_to(Builder& g, Value src, const Shape& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (Builder::shape(src)[i] != sizes[i]) {
      src = g.slice(src, static_cast<int64_t>(i), Expr(0), sizes[i]);
    }
  }
  return src;
}

Value scatter_with(Builder& g, Value x, int64_t dim, Value index, Value src, const char* how) {
  if (Builder::rank(x) == 0) {
    return g.squeeze(scatter_with(g, g.unsqueeze(x, {0}), 0, g.unsqueeze(index, {0}),
                                  g.unsqueeze(src, {0}), how),
                     {0});
  }
  return g.op(
      "ScatterElements",
      {x, g.cast(index, DType::kInt64), cut_to(g, g.cast(src, x->dtype), Builder::shape(index))},
      with_reduction({{"axis", Builder::axis(dim, x)}}, how));
}

Value scatter_value(Builder& g, Value x, int64_t dim, Value index, double value, const char* how) {
  return scatter_with(g, x, dim, index, g.expand(g.scalar_like(value, x), Builder::shape(index)),
                      how);
}

Value scatter_add(Builder& g, Value x, int64_t dim, Value index, Value src) {
  return scatter_with(g, x, dim, index, src, "add");
}

struct Reducing {
  const char* how;
  double neutral;
};

Reducing reducing(const Builder& g, const std::string& name) {
  const double inf = std::numeric_limits<double>::infinity();
  if (name == "sum" || name == "add") return {"add", 0};
  if (name == "prod" || name == "multiply") return {"mul", 1};
  if (name != "amax" && name != "amin") refuse(fmt::format("scatter with reduce=\"{}\"", name));
  g.need_opset(kReduceExtrema);
  return name == "amax" ? Reducing{"max", -inf} : Reducing{"min", inf};
}

// Without include_self the places written to start from the neutral element.
Value scatter_reduce(Builder& g, Value x, int64_t dim, Value index, Value src, std::string reduce,
                     bool include_self) {
  const Reducing r = reducing(g, reduce);
  if (!include_self) {
    if (!is_floating(x->dtype) && !std::isfinite(r.neutral)) {
      refuse("scatter_reduce of integers with include_self=False");
    }
    x = scatter_value(g, x, dim, index, r.neutral, "none");
  }
  return scatter_with(g, x, dim, index, src, r.how);
}

// The k-th true place takes the k-th element of source.
Value masked_scatter(Builder& g, Value x, Value mask, Value source) {
  Value places =
      g.op("NonZero", {g.expand(mask, broadcast(Builder::shape(x), Builder::shape(mask)))});
  Value count = g.op("Shape", {places});
  Value flat = g.reshape(source, {product(Builder::shape(source))});
  Value taken = g.op("Slice", {flat, g.ints({0}), g.gather(count, g.ints({1}), 0), g.ints({0})});
  return g.op("ScatterND", {x, g.transpose(places, {1, 0}), taken});
}

}  // namespace

LOWER("aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
      [](Builder& g, Value x, Value mask, double value) {
        return masked_fill(g, x, mask, g.scalar_like(value, x));
      });
LOWER("aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor", masked_fill);
LOWER("aten::masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor", masked_scatter);

LOWER(
    "aten::index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    index_put, kAccumulate);
LOWER(
    "aten::_unsafe_index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    index_put, kAccumulate);
LOWER(
    "aten::index_put.hacked_twin(Tensor self, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor",
    index_put_tensors, kAccumulate);
LOWER("aten::index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, Value source) {
        return put_along(g, x, dim, index, source, false);
      });
LOWER(
    "aten::index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    [](Builder& g, Value x, int64_t dim, Value index, Value source, double alpha) {
      if (alpha != 1) source = g.mul(source, g.scalar_like(alpha, source));
      return put_along(g, x, dim, index, source, true);
    },
    kIndexAdd);
LOWER("aten::index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, double value) {
        return put_along(g, x, dim, index, g.scalar_like(value, x), false);
      });
LOWER("aten::index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, Value value) {
        return put_along(g, x, dim, index, value, false);
      });

LOWER("aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, Value src) {
        return scatter_with(g, x, dim, index, src, "none");
      });
LOWER("aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, double value) {
        return scatter_value(g, x, dim, index, value, "none");
      });
LOWER(
    "aten::scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
    [](Builder& g, Value x, int64_t dim, Value index, Value src, std::string reduce) {
      return scatter_reduce(g, x, dim, index, src, reduce, true);
    },
    kReduce, kReduceExtrema);
LOWER(
    "aten::scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
    [](Builder& g, Value x, int64_t dim, Value index, double value, std::string reduce) {
      return scatter_value(g, x, dim, index, value, reducing(g, reduce).how);
    },
    kReduce, kReduceExtrema);
LOWER("aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", scatter_add,
      since(16, "scatter_add"));
LOWER(
    "aten::scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
    scatter_reduce, kReduce, kReduceExtrema);

}  // namespace onnxport::lower
