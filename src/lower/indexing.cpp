// Reading by index: embedding, gather, advanced indexing, masks. The writing half is in
// scatter.cpp.
#include "lower/indexing.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lower/rule.h"
#include "lower/shape.h"

namespace onnxport::lower {

namespace {

using Ints = std::vector<int64_t>;

Value int64(Builder& g, Value x) {
  return x->dtype == DType::kInt32 ? x : g.cast(x, DType::kInt64);
}

// Rows of nonzero positions: [count, rank].
Value positions(Builder& g, Value mask) { return g.transpose(g.op("NonZero", {mask}), {1, 0}); }

// Elements (or slices) of x where a mask over axes at..at+rank-1 holds.
Value select_by_mask(Builder& g, Value x, Value mask, int64_t at) {
  const int64_t covered = Builder::rank(mask);
  mask = g.cast(mask, DType::kBool);
  if (covered == 1) return g.op("Compress", {x, mask}, {{"axis", at}});
  if (covered == 0) refuse("indexing by a mask without dimensions");
  const Shape mask_sizes = Builder::shape(mask);
  Value flat = g.reshape(mask, {product(mask_sizes)});
  if (covered == Builder::rank(x)) return g.op("Compress", {x, flat});
  Shape sizes = Builder::shape(x);
  sizes.erase(sizes.begin() + at, sizes.begin() + at + covered);
  sizes.insert(sizes.begin() + at, product(mask_sizes));
  return g.op("Compress", {g.reshape(x, sizes), flat}, {{"axis", at}});
}

// All index tensors and the sizes that they index are known: one Gather in the flattened axes.
Value gather_by_constants(Builder& g, Value x, const Indices& by, const Shape& common) {
  const Shape& sizes = Builder::shape(x);
  Value linear = nullptr;
  for (size_t i = 0; i < by.axes.size(); ++i) {
    const Expr& size = sizes[static_cast<size_t>(by.axes[i])];
    Value index = g.cast(by.tensors[i], DType::kInt64);
    Value n = g.int_scalar(size);
    index = g.where(g.op("Less", {index, g.int_scalar(0)}), g.add(index, n), index);
    linear = linear == nullptr ? index : g.add(g.mul(linear, n), index);
  }
  if (Builder::shape(linear) != common) linear = g.expand(linear, common);
  const auto first = static_cast<std::ptrdiff_t>(by.axes.front());
  const auto end = static_cast<std::ptrdiff_t>(by.axes.back()) + 1;
  Shape flat(sizes.begin(), sizes.begin() + first);
  flat.push_back(product(Shape(sizes.begin() + first, sizes.begin() + end)));
  flat.insert(flat.end(), sizes.begin() + end, sizes.end());
  return g.gather(g.reshape(x, flat), linear, by.axes.front());
}

bool all_known(Value x, const Indices& by) {
  for (size_t i = 0; i < by.axes.size(); ++i) {
    if (Builder::constant_of(by.tensors[i]) == nullptr) return false;
    if (!Builder::shape(x)[static_cast<size_t>(by.axes[i])].is_const()) return false;
  }
  return true;
}

// The axis along which each index tensor runs, when each runs along one of its own and they come in
// order (x[rows[:, None], columns]); then one Gather an axis does it.
bool is_mesh(const Indices& by, const Shape& common) {
  int64_t last = -1;
  std::vector<bool> covered(common.size(), false);
  for (Value index : by.tensors) {
    const Shape& sizes = Builder::shape(index);
    const auto lead = static_cast<int64_t>(common.size() - sizes.size());
    int64_t along = -1;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i].is_const(1)) continue;
      if (along >= 0) return false;
      along = lead + static_cast<int64_t>(i);
    }
    if (along <= last) return false;
    last = along;
    covered[static_cast<size_t>(along)] = true;
  }
  return std::all_of(covered.begin(), covered.end(), [](bool b) { return b; });
}

Value gather_mesh(Builder& g, Value x, const Indices& by) {
  for (size_t i = 0; i < by.axes.size(); ++i) {
    Value index = by.tensors[i];
    x = g.gather(x, g.reshape(index, {product(Builder::shape(index))}), by.axes[i]);
  }
  return x;
}

// PyTorch's advanced indexing: the broadcast index sizes take the place of the indexed axes if
// those are neighbours, else they come first.
Value index(Builder& g, Value x, std::vector<std::optional<Value>> list) {
  Indices by = indices_of(x, list);
  if (by.axes.empty()) return x;
  if (by.masks == 1 && by.tensors.size() == 1 && by.mask != nullptr) {
    return select_by_mask(g, x, by.mask, by.axes[0]);
  }
  by = integer_indices(g, by);
  if (by.tensors.size() == 1) return g.gather(x, int64(g, by.tensors[0]), by.axes[0]);
  const Shape common = common_shape(by);
  if (by.adjacent() && is_mesh(by, common)) return gather_mesh(g, x, by);
  if (by.adjacent() && all_known(x, by)) return gather_by_constants(g, x, by, common);
  const int64_t rank = Builder::rank(x);
  Value out = g.op("GatherND", {g.transpose(x, indexed_first(by, rank)), stacked(g, by, common)});
  if (!by.adjacent() || by.axes[0] == 0) return out;
  return g.transpose(out, block_moved_to(by.axes[0], static_cast<int64_t>(common.size()),
                                         rank - static_cast<int64_t>(by.axes.size())));
}

Value index_tensors(Builder& g, Value x, Values list) {
  return index(g, x, std::vector<std::optional<Value>>(list.begin(), list.end()));
}

Value index_select(Builder& g, Value x, int64_t dim, Value index) {
  if (Builder::rank(x) == 0) return x;
  if (Builder::rank(index) == 0) index = g.unsqueeze(index, {0});
  return g.gather(x, int64(g, index), dim);
}

Value gather_elements(Builder& g, Value x, int64_t dim, Value index) {
  if (Builder::rank(index) == 0 && Builder::rank(x) == 0) return x;
  if (Builder::rank(x) == 0) x = g.unsqueeze(x, {0});
  return g.op("GatherElements", {x, int64(g, index)}, {{"axis", Builder::axis(dim, x)}});
}

// Both are broadcast over every axis but `dim`.
Value take_along_dim(Builder& g, Value x, Value index, std::optional<int64_t> dim) {
  if (!dim) {
    return gather_elements(g, g.reshape(x, {product(Builder::shape(x))}), 0,
                           g.reshape(index, {product(Builder::shape(index))}));
  }
  const auto axis = static_cast<size_t>(Builder::axis(*dim, x));
  Shape x_sizes = Builder::shape(x);
  Shape index_sizes = Builder::shape(index);
  for (size_t i = 0; i < x_sizes.size(); ++i) {
    if (i == axis) continue;
    if (x_sizes[i].is_const(1)) x_sizes[i] = index_sizes[i];
    if (index_sizes[i].is_const(1)) index_sizes[i] = x_sizes[i];
  }
  return gather_elements(g, g.expand(x, x_sizes), *dim, g.expand(index, index_sizes));
}

Value masked_select(Builder& g, Value x, Value mask) {
  const Shape sizes = broadcast(Builder::shape(x), Builder::shape(mask));
  return g.op("Compress", {g.expand(x, sizes), g.reshape(g.expand(mask, sizes), {product(sizes)})});
}

// How many boundaries lie before each element: below it, or not above it (right).
Value bucketize(Builder& g, Value x, Value boundaries, bool out_int32, bool right) {
  auto [a, b] = g.promoted(boundaries, g.unsqueeze(x, {-1}));
  Value before = g.op(right ? "LessOrEqual" : "Less", {a, b});
  return g.reduce("ReduceSum", g.cast(before, out_int32 ? DType::kInt32 : DType::kInt64), {-1},
                  false);
}

// The same, with a sorted sequence for each row: seq[..., 1, n] against x[..., m, 1].
Value searchsorted(Builder& g, Value seq, Value x, bool out_int32, bool right,
                   std::optional<std::string> side, std::optional<Value> sorter) {
  if (sorter) seq = gather_elements(g, seq, -1, *sorter);
  if (side) right = *side == "right";
  if (Builder::rank(seq) > 1) seq = g.unsqueeze(seq, {-2});
  return bucketize(g, x, seq, out_int32, right);
}

Value one_hot(Builder& g, Value x, int64_t classes) {
  if (classes < 0) {
    refuse("one_hot counts the classes in its data; give num_classes");
  }
  return g.op("OneHot", {x, g.int_scalar(classes), g.ints({0, 1})}, {{"axis", -1}});
}

}  // namespace

// --- shared with scatter.cpp --------------------------------------------------------------------

bool Indices::adjacent() const {
  for (size_t i = 1; i < axes.size(); ++i) {
    if (axes[i] != axes[i - 1] + 1) return false;
  }
  return true;
}

Indices indices_of(Value x, const std::vector<std::optional<Value>>& list) {
  Indices out;
  int64_t axis = 0;
  for (const std::optional<Value>& index : list) {
    if (!index) {
      ++axis;
      continue;
    }
    const bool mask = (*index)->dtype == DType::kBool || (*index)->dtype == DType::kUint8;
    out.axes.push_back(axis);
    out.tensors.push_back(*index);
    out.covered.push_back(mask ? Builder::rank(*index) : 1);
    out.masks += mask;
    if (mask) out.mask = *index;
    axis += out.covered.back();
  }
  if (axis > Builder::rank(x))
    refuse(fmt::format("{} indices for a tensor of rank {}", axis, Builder::rank(x)));
  return out;
}

// Each mask becomes one index tensor an axis: the positions of its nonzero elements.
Indices integer_indices(Builder& g, const Indices& by) {
  if (by.masks == 0) return by;
  Indices out;
  for (size_t i = 0; i < by.tensors.size(); ++i) {
    Value tensor = by.tensors[i];
    if (tensor->dtype != DType::kBool && tensor->dtype != DType::kUint8) {
      out.axes.push_back(by.axes[i]);
      out.tensors.push_back(tensor);
      continue;
    }
    Value rows = g.op("NonZero", {g.cast(tensor, DType::kBool)});
    for (int64_t j = 0; j < by.covered[i]; ++j) {
      out.axes.push_back(by.axes[i] + j);
      out.tensors.push_back(g.gather(rows, g.int_scalar(j), 0));
    }
  }
  out.covered.assign(out.axes.size(), 1);
  return out;
}

Shape common_shape(const Indices& by) {
  Shape out;
  for (Value tensor : by.tensors) out = broadcast(out, Builder::shape(tensor));
  return out;
}

Value stacked(Builder& g, const Indices& by, const Shape& common) {
  Values columns;
  for (Value tensor : by.tensors) {
    columns.push_back(g.unsqueeze(g.expand(g.cast(tensor, DType::kInt64), common), {-1}));
  }
  return g.concat(columns, -1);
}

std::vector<int64_t> indexed_first(const Indices& by, int64_t rank) {
  Ints perm = by.axes;
  for (int64_t i = 0; i < rank; ++i) {
    if (std::find(by.axes.begin(), by.axes.end(), i) == by.axes.end()) perm.push_back(i);
  }
  return perm;
}

std::vector<int64_t> block_moved_to(int64_t at, int64_t block, int64_t rest) {
  Ints perm;
  for (int64_t i = 0; i < at; ++i) perm.push_back(block + i);
  for (int64_t i = 0; i < block; ++i) perm.push_back(i);
  for (int64_t i = at; i < rest; ++i) perm.push_back(block + i);
  return perm;
}

// --- rules --------------------------------------------------------------------------------------

LOWER(
    "aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    [](Builder& g, Value weight, Value indices, Ignored, Ignored, Ignored) {
      return g.gather(weight, int64(g, indices), 0);
    });
LOWER("aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", index);
LOWER("aten::_unsafe_index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", index);
LOWER("aten::index.Tensor_hacked_twin(Tensor self, Tensor[] indices) -> Tensor", index_tensors);
LOWER("aten::_unsafe_index.Tensor_hacked_twin(Tensor self, Tensor[] indices) -> Tensor",
      index_tensors);
LOWER("aten::index_select(Tensor self, int dim, Tensor index) -> Tensor", index_select);
LOWER("aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
      [](Builder& g, Value x, int64_t dim, Value index, Ignored) {
        return gather_elements(g, x, dim, index);
      });
LOWER("aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor", take_along_dim);
LOWER("aten::take(Tensor self, Tensor index) -> Tensor", [](Builder& g, Value x, Value index) {
  return g.gather(g.reshape(x, {product(Builder::shape(x))}), int64(g, index), 0);
});
LOWER("aten::masked_select(Tensor self, Tensor mask) -> Tensor", masked_select);
LOWER("aten::nonzero(Tensor self) -> Tensor", positions);
LOWER("aten::argwhere(Tensor self) -> Tensor", positions);
LOWER("aten::nonzero_numpy(Tensor self) -> Tensor[]", [](Builder& g, Value x) {
  Value rows = g.op("NonZero", {x});
  Values out;
  for (int64_t i = 0; i < Builder::rank(x); ++i) out.push_back(g.gather(rows, g.int_scalar(i), 0));
  return out;
});
LOWER("aten::where(Tensor condition) -> Tensor[]", [](Builder& g, Value x) {
  Value rows = g.op("NonZero", {x});
  Values out;
  for (int64_t i = 0; i < Builder::rank(x); ++i) out.push_back(g.gather(rows, g.int_scalar(i), 0));
  return out;
});
LOWER("aten::one_hot(Tensor self, int num_classes=-1) -> Tensor", one_hot);
LOWER(
    "aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
    bucketize);
LOWER(
    "aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
    searchsorted);

}  // namespace onnxport::lower
