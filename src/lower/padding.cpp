// Padding. PyTorch lists pairs from the last axis backwards; negative ones cut.
#include <fmt/format.h>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

struct Pads {
  std::vector<Expr> begins, ends;  // one an axis of x
};

Pads pads_of(Value x, const Shape& pad) {
  const auto rank = static_cast<size_t>(Builder::rank(x));
  if (pad.size() % 2 != 0 || pad.size() > 2 * rank) {
    refuse(fmt::format("{} pads for a tensor of rank {}", pad.size(), rank));
  }
  Pads out{std::vector<Expr>(rank, Expr(0)), std::vector<Expr>(rank, Expr(0))};
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    out.begins[rank - 1 - i] = pad[2 * i];
    out.ends[rank - 1 - i] = pad[2 * i + 1];
  }
  return out;
}

bool all_cut(const Shape& pad) {
  for (const Expr& e : pad) {
    if (!e.is_const() || e.value() > 0) return false;
  }
  return true;
}

// Only cuts: a Slice an axis says it more plainly.
Value cut(Builder& g, Value x, const Pads& pads) {
  for (size_t i = 0; i < pads.begins.size(); ++i) {
    x = g.slice(x, static_cast<int64_t>(i), -pads.begins[i], Builder::shape(x)[i] + pads.ends[i]);
  }
  return x;
}

Value constant_pad(Builder& g, Value x, const Shape& pad, double value) {
  const Pads pads = pads_of(x, pad);
  if (all_cut(pad)) return cut(g, x, pads);
  return g.pad(x, pads.begins, pads.ends, "constant",
               value == 0 ? nullptr : g.scalar_like(value, x));
}

// What comes from the other end: Pad has "wrap" from opset 19 on.
Value circular_pad(Builder& g, Value x, const Shape& pad) {
  const Pads pads = pads_of(x, pad);
  if (g.opset() >= 19) return g.pad(x, pads.begins, pads.ends, "wrap");
  for (size_t i = 0; i < pads.begins.size(); ++i) {
    const auto axis = static_cast<int64_t>(i);
    const Expr size = Builder::shape(x)[i];
    Values parts;
    if (!pads.begins[i].is_const(0)) parts.push_back(g.slice(x, axis, size - pads.begins[i], size));
    parts.push_back(x);
    if (!pads.ends[i].is_const(0)) parts.push_back(g.slice(x, axis, Expr(0), pads.ends[i]));
    x = g.concat(parts, axis);
  }
  return x;
}

Value pad_by_mode(Builder& g, Value x, Shape pad, std::string mode, std::optional<double> value) {
  if (mode == "constant") return constant_pad(g, x, pad, value.value_or(0));
  if (mode == "circular") return circular_pad(g, x, pad);
  const Pads pads = pads_of(x, pad);
  if (mode == "reflect") return g.pad(x, pads.begins, pads.ends, "reflect");
  if (mode == "replicate") return g.pad(x, pads.begins, pads.ends, "edge");
  refuse(fmt::format("unknown mode \"{}\" of pad", mode));
}

Value reflection_pad(Builder& g, Value x, Shape pad) {
  return pad_by_mode(g, x, pad, "reflect", {});
}
Value replication_pad(Builder& g, Value x, Shape pad) {
  return pad_by_mode(g, x, pad, "replicate", {});
}

}  // namespace

LOWER("aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
      pad_by_mode);
LOWER("aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor",
      [](Builder& g, Value x, Shape pad, double value) { return constant_pad(g, x, pad, value); });
LOWER("aten::reflection_pad1d(Tensor self, SymInt[2] padding) -> Tensor", reflection_pad);
LOWER("aten::reflection_pad2d(Tensor self, SymInt[4] padding) -> Tensor", reflection_pad);
LOWER("aten::reflection_pad3d(Tensor self, SymInt[6] padding) -> Tensor", reflection_pad);
LOWER("aten::replication_pad1d(Tensor self, SymInt[2] padding) -> Tensor", replication_pad);
LOWER("aten::replication_pad2d(Tensor self, SymInt[4] padding) -> Tensor", replication_pad);
LOWER("aten::replication_pad3d(Tensor self, SymInt[6] padding) -> Tensor", replication_pad);
LOWER("aten::_pad_circular(Tensor self, SymInt[] pad) -> Tensor",
      [](Builder& g, Value x, Shape pad) { return circular_pad(g, x, pad); });

}  // namespace onnxport::lower
