// Views and other changes of shape: view, flatten, permute, squeeze, expand, repeat, ...
#include "lower/shape.h"

#include <algorithm>
#include <numeric>

#include "base/broadcast.h"
#include "lower/builder.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

// --- nothing to do: a tensor is a value here ---------------------------------------------------

Value same(Builder&, Value self) { return self; }
Value same_but_format(Builder&, Value self, Ignored) { return self; }
LOWER("aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)",
      same_but_format);
LOWER("aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", same_but_format);
LOWER("aten::detach(Tensor(a) self) -> Tensor(a)", same);
LOWER("aten::alias(Tensor(a) self) -> Tensor(a)", same);
LOWER("aten::lift_fresh_copy(Tensor self) -> Tensor", same);
LOWER("aten::lift_fresh(Tensor(a) self) -> Tensor(a)", same);
LOWER("aten::lift(Tensor self) -> Tensor", same);
LOWER("aten::resolve_conj(Tensor(a) self) -> Tensor(a)", same);
LOWER("aten::resolve_neg(Tensor(a) self) -> Tensor(a)", same);

// --- reshape ----------------------------------------------------------------------------------

// A -1 is taken from what the source recorded, if it did.
Value view(Builder& g, Value self, Shape size) {
  const aten::Value* recorded = g.recorded();
  if (recorded != nullptr && recorded->shape && recorded->shape->size() == size.size()) {
    for (size_t i = 0; i < size.size(); ++i) {
      if (size[i].is_const(-1)) size[i] = (*recorded->shape)[i];
    }
  }
  return g.reshape(self, sizes_for(Builder::shape(self), std::move(size)));
}
LOWER("aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)", view);
LOWER("aten::view_copy(Tensor self, SymInt[] size) -> Tensor", view);
LOWER("aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)", view);
LOWER("aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor", view);
Value view_as(Builder& g, Value self, Value other) {
  return g.reshape(self, Builder::shape(other));
}
LOWER("aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)", view_as);
LOWER("aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)", view_as);

Value flatten(Builder& g, Value self, int64_t start_dim, int64_t end_dim) {
  const Shape& from = Builder::shape(self);
  if (from.empty()) return g.reshape(self, {1});
  const int64_t start = Builder::axis(start_dim, self);
  const int64_t end = Builder::axis(end_dim, self);
  Shape size(from.begin(), from.begin() + start);
  size.push_back(product(Shape(from.begin() + start, from.begin() + end + 1)));
  size.insert(size.end(), from.begin() + end + 1, from.end());
  return g.reshape(self, size);
}
LOWER("aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)",
      flatten);
LOWER("aten::ravel(Tensor(a) self) -> Tensor(a)",
      [](Builder& g, Value self) { return flatten(g, self, 0, -1); });

LOWER("aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)",
      [](Builder& g, Value self, int64_t dim, Shape sizes) {
        const Shape& from = Builder::shape(self);
        const int64_t axis = Builder::axis(dim, self);
        sizes = sizes_for({from[axis]}, std::move(sizes));
        Shape size(from.begin(), from.begin() + axis);
        size.insert(size.end(), sizes.begin(), sizes.end());
        size.insert(size.end(), from.begin() + axis + 1, from.end());
        return g.reshape(self, size);
      });

LOWER("aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)",
      [](Builder& g, Value self, int64_t dim) { return g.unsqueeze(self, {dim}); });

// Dimensions whose size is not 1 stay.
Value squeeze_dims(Builder& g, Value self, std::vector<int64_t> dims) {
  std::vector<int64_t> axes;
  for (int64_t dim : dims) {
    if (Builder::rank(self) == 0) continue;
    const int64_t axis = Builder::axis(dim, self);
    if (Builder::shape(self)[axis].is_const(1)) axes.push_back(axis);
  }
  return g.squeeze(self, axes);
}
LOWER("aten::squeeze(Tensor(a) self) -> Tensor(a)", [](Builder& g, Value self) {
  std::vector<int64_t> all(static_cast<size_t>(Builder::rank(self)));
  std::iota(all.begin(), all.end(), 0);
  return squeeze_dims(g, self, all);
});
LOWER("aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)",
      [](Builder& g, Value self, int64_t dim) { return squeeze_dims(g, self, {dim}); });
LOWER("aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", squeeze_dims);

// --- permute ----------------------------------------------------------------------------------

LOWER("aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)",
      [](Builder& g, Value self, std::vector<int64_t> dims) { return g.transpose(self, dims); });

Value swap(Builder& g, Value self, int64_t dim0, int64_t dim1) {
  if (Builder::rank(self) == 0) return self;
  std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(self)));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[Builder::axis(dim0, self)], perm[Builder::axis(dim1, self)]);
  return g.transpose(self, perm);
}
LOWER("aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", swap);
LOWER("aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", swap);
LOWER("aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", swap);
LOWER("aten::t(Tensor(a) self) -> Tensor(a)",
      [](Builder& g, Value self) { return Builder::rank(self) < 2 ? self : swap(g, self, 0, 1); });
LOWER("aten::mT(Tensor(a) self) -> Tensor(a)",
      [](Builder& g, Value self) { return swap(g, self, -2, -1); });
LOWER("aten::adjoint(Tensor(a) self) -> Tensor(a)",
      [](Builder& g, Value self) { return swap(g, self, -2, -1); });
LOWER("aten::numpy_T(Tensor(a) self) -> Tensor(a)", [](Builder& g, Value self) {
  std::vector<int64_t> perm(static_cast<size_t>(Builder::rank(self)));
  std::iota(perm.rbegin(), perm.rend(), 0);
  return g.transpose(self, perm);
});

// The moved dimensions land where they are told to, the others keep their order.
Value movedim(Builder& g, Value self, std::vector<int64_t> source,
              std::vector<int64_t> destination) {
  const int64_t n = Builder::rank(self);
  std::vector<int64_t> perm(static_cast<size_t>(n), -1);
  std::vector<bool> moved(static_cast<size_t>(n), false);
  for (size_t i = 0; i < source.size(); ++i) {
    const int64_t from = Builder::axis(source[i], self);
    perm[Builder::axis(destination.at(i), self)] = from;
    moved[from] = true;
  }
  int64_t next = 0;
  for (int64_t& p : perm) {
    if (p >= 0) continue;
    while (moved[next]) ++next;
    p = next++;
  }
  return g.transpose(self, perm);
}
Value movedim_one(Builder& g, Value self, int64_t source, int64_t destination) {
  return movedim(g, self, {source}, {destination});
}
LOWER("aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)", movedim_one);
LOWER("aten::moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)", movedim_one);
LOWER("aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
      movedim);

// --- expand and repeat ------------------------------------------------------------------------

Value expand(Builder& g, Value self, Shape size) {
  const Shape& from = Builder::shape(self);
  const size_t lead = size.size() - std::min(size.size(), from.size());
  for (size_t i = lead; i < size.size(); ++i) {
    if (size[i].is_const(-1)) size[i] = from[i - lead];
  }
  return g.expand(self, size);
}
LOWER("aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
      [](Builder& g, Value self, Shape size, Ignored) { return expand(g, self, std::move(size)); });
LOWER("aten::broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)", expand);
LOWER("aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)",
      [](Builder& g, Value self, Value other) { return g.expand(self, Builder::shape(other)); });

// A size of 1 is expanded; only the others need ONNX's Tile.
Value repeat(Builder& g, Value self, Shape repeats) {
  const auto n = static_cast<int64_t>(repeats.size());
  if (n < Builder::rank(self)) refuse("repeats must have at least the tensor's rank");
  Shape padded(static_cast<size_t>(n - Builder::rank(self)), Expr(1));
  const Shape& from = Builder::shape(self);
  padded.insert(padded.end(), from.begin(), from.end());
  Shape size;
  bool only_ones = true;
  for (size_t i = 0; i < repeats.size(); ++i) {
    size.push_back(padded[i] * repeats[i]);
    only_ones = only_ones && (padded[i].is_const(1) || repeats[i].is_const(1));
  }
  if (only_ones) return g.expand(self, size);
  return g.op("Tile", {g.reshape(self, padded), g.shape_tensor(repeats)});
}
LOWER("aten::repeat(Tensor self, SymInt[] repeats) -> Tensor", repeat);
LOWER("aten::tile(Tensor self, SymInt[] dims) -> Tensor", [](Builder& g, Value self, Shape dims) {
  while (static_cast<int64_t>(dims.size()) < Builder::rank(self))
    dims.insert(dims.begin(), Expr(1));
  return repeat(g, self, std::move(dims));
});

// [.., n, ..] => [.., n, 1, ..] => [.., n, repeats, ..] => [.., n*repeats, ..]
LOWER(
    "aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
    [](Builder& g, Value self, Expr repeats, std::optional<int64_t> dim, Ignored) {
      Value x = dim ? self : flatten(g, self, 0, -1);
      const int64_t axis = Builder::axis(dim.value_or(0), x);
      Shape size = Builder::shape(x);
      Shape wide = size;
      wide.insert(wide.begin() + axis + 1, repeats);
      size[axis] = size[axis] * repeats;
      return g.reshape(g.expand(g.unsqueeze(x, {axis + 1}), wide), size);
    });

LOWER("aten::broadcast_tensors(Tensor[] tensors) -> Tensor[]", [](Builder& g, Values tensors) {
  Shape size;
  for (Value x : tensors) size = broadcast(size, Builder::shape(x));
  for (Value& x : tensors) x = g.expand(x, size);
  return tensors;
});

// Each 1-D tensor along its own axis ("xy" swaps the first two axes), expanded over the others.
Values meshgrid(Builder& g, Values tensors, std::string indexing) {
  const size_t n = tensors.size();
  auto axis_of = [&](size_t i) { return indexing == "xy" && n > 1 && i < 2 ? 1 - i : i; };
  Shape size(n);
  for (size_t i = 0; i < n; ++i) size[axis_of(i)] = product(Builder::shape(tensors[i]));
  for (size_t i = 0; i < n; ++i) {
    Shape own(n, Expr(1));
    own[axis_of(i)] = size[axis_of(i)];
    tensors[i] = g.expand(g.reshape(tensors[i], own), size);
  }
  return tensors;
}
LOWER("aten::meshgrid(Tensor[] tensors) -> Tensor[]",
      [](Builder& g, Values tensors) { return meshgrid(g, tensors, "ij"); });
LOWER("aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]", meshgrid);

// --- pixels and channels ----------------------------------------------------------------------

// [.., C*r*r, H, W] => [.., C, H*r, W*r]
LOWER("aten::pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
      [](Builder& g, Value self, int64_t r) {
        if (Builder::rank(self) != 4) refuse("pixel_shuffle is written for [N, C, H, W]");
        return g.op("DepthToSpace", {self}, {{"blocksize", r}, {"mode", "CRD"}});
      });
// SpaceToDepth orders the blocks differently, so: split H and W, bring the offsets behind C, merge.
LOWER("aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
      [](Builder& g, Value self, int64_t r) {
        if (Builder::rank(self) != 4) refuse("pixel_unshuffle is written for [N, C, H, W]");
        const Shape s = Builder::shape(self);
        const Expr h = floordiv(s[2], Expr(r));
        const Expr w = floordiv(s[3], Expr(r));
        Value x = g.reshape(self, {s[0], s[1], h, Expr(r), w, Expr(r)});
        return g.reshape(g.transpose(x, {0, 1, 3, 5, 2, 4}), {s[0], s[1] * Expr(r * r), h, w});
      });
Value channel_shuffle(Builder& g, Value self, int64_t groups) {
  const Shape s = Builder::shape(self);
  Shape split = {s[0], Expr(groups), floordiv(s[1], Expr(groups))};
  split.insert(split.end(), s.begin() + 2, s.end());
  return g.reshape(swap(g, g.reshape(self, split), 1, 2), s);
}
LOWER("aten::channel_shuffle(Tensor self, SymInt groups) -> Tensor", channel_shuffle);
LOWER("aten::native_channel_shuffle(Tensor self, SymInt groups) -> Tensor", channel_shuffle);

}  // namespace

Shape sizes_for(const Shape& from, Shape sizes) {
  size_t unknown = sizes.size();
  Expr rest(1);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_const(-1)) {
      unknown = i;
    } else {
      rest *= sizes[i];
    }
  }
  if (unknown == sizes.size()) return sizes;
  const Expr all = product(from);
  if (auto exact = exact_div(all, rest)) {
    sizes[unknown] = *exact;
  } else {
    sizes[unknown] = floordiv(all, rest);
  }
  return sizes;
}

Shape broadcast(const Shape& a, const Shape& b) {
  return *broadcast_with(a, b, [](const Expr& x, const Expr& y) -> std::optional<Expr> {
    const bool better = !y.is_const(1) && (x.is_const(1) || y.is_const());
    return better ? y : x;
  });
}

}  // namespace onnxport::lower
