// A constant factor goes into a weight that is further away: over what only moves elements, over a
// product of two computed matrices, and into the weight that comes next.
#include <algorithm>
#include <cmath>

#include "simplify/match.h"
#include "simplify/product.h"
#include "simplify/scale_shift.h"

namespace onnxport::simplify {
namespace {

// --- into the next weight ------------------------------------------------------------------------

// The axis of the weight that is summed over, and the axis of x that it goes with.
struct Contracted {
  int weight_axis;
  size_t x_axis;
  int64_t groups = 1;  // of a Conv: the axis of the weight has the channels of one group
};
std::optional<Contracted> contracted(const Node& node) {
  const Tensor* w = constant_of(node.input(1));
  const Value* x = node.input(0);
  if (w == nullptr || w->numel() == 0 || !is_float(node.input(1)) || !x->shape ||
      !used_once(node.input(1))) {
    return std::nullopt;
  }
  const size_t rank = x->shape->size();
  if (node.is("MatMul") && w->dims.size() == 2 && rank >= 2) return Contracted{0, rank - 1};
  if (node.is("Gemm") && w->dims.size() == 2 && rank == 2) {
    const bool transposed = node.get<int64_t>("transB", 0) != 0;
    return Contracted{transposed ? 1 : 0, node.get<int64_t>("transA", 0) != 0 ? size_t{0} : 1};
  }
  if (node.is("Conv") && w->dims.size() == rank && rank >= 3) {
    const auto groups = node.get<int64_t>("group", 1);
    if (groups < 1 || w->dims[0] % groups != 0) return std::nullopt;
    return Contracted{1, 1, groups};
  }
  if (node.is("ConvTranspose") && w->dims.size() == rank && rank >= 3) return Contracted{0, 1};
  return std::nullopt;
}

// v = x * factors, these constant: one number, or one for each element of `axis` of x.
struct Scaled {
  Value* x;
  std::vector<double> factors;  // as many as the axis has
};
std::optional<Scaled> scaled_along(const Node* mul, size_t axis, int64_t count) {
  if (mul == nullptr || (!mul->is("Mul") && !mul->is("Div"))) return std::nullopt;
  for (size_t i = mul->is("Div") ? 1 : 0; i < 2; ++i) {
    const Tensor* k = constant_of(mul->input(i));
    Value* x = mul->input(1 - i);
    if (k == nullptr || constant_of(x) != nullptr || !same_shape(x, mul->output())) continue;
    auto factors = along_axis(*k, x->shape->size(), axis, count);
    if (!factors) continue;
    for (double& f : *factors) {
      if (mul->is("Div")) f = 1 / f;
      if (!std::isfinite(f)) return std::nullopt;
    }
    return Scaled{x, std::move(*factors)};
  }
  return std::nullopt;
}

// Whether Gelu is still to be put together from this product, see activation.cpp.
bool is_half_of_gelu(const Value* v, const Node& user, int64_t opset) {
  const Node* add = opset >= 20 ? producer(v, "Add", user) : nullptr;
  for (size_t i = 0; add != nullptr && i < 2; ++i) {
    const Node* gate = producer(add->input(i), user);
    if (gate != nullptr && (gate->is("Erf") || gate->is("Tanh"))) return true;
  }
  return false;
}

// MatMul(x * k, w)  =>  MatMul(x, k * w)        k constant: one number, or one a column of x
// MatMul(x * k * y, w)  =>  MatMul(x * y, k * w)        Gemm, Conv and ConvTranspose too
RULE_ROUNDING(fuse_scale_into_next_weight, "MatMul", "Gemm", "Conv", "ConvTranspose") {
  const auto by = contracted(node);
  if (!by) return no_match("the weight is not constant, or used elsewhere");
  const Tensor& w = *constant_of(node.input(1));
  const int64_t count = w.dims[static_cast<size_t>(by->weight_axis)] * by->groups;
  Node* mul = producer(node.input(0), node);
  if (mul == nullptr || !used_once(node.input(0))) return no_match("nothing scaled before");
  Value* x = nullptr;
  auto scaled = scaled_along(mul, by->x_axis, count);
  if (scaled) {
    x = scaled->x;
  } else if (mul->is("Mul")) {
    for (size_t i = 0; i < 2 && x == nullptr; ++i) {
      Node* inner = producer(mul->input(i), node);
      if (inner == nullptr || !used_once(mul->input(i))) continue;
      if (is_half_of_gelu(mul->input(1 - i), node, r.opset())) continue;
      scaled = scaled_along(inner, by->x_axis, count);
      if (!scaled || !same_shape(mul->input(i), mul->output())) continue;
      x = r.op("Mul", {scaled->x, mul->input(1 - i)});
    }
  }
  if (x == nullptr) return no_match("nothing scaled before");
  const Tensor scaled_w = by->groups == 1 ? w.scaled(by->weight_axis, scaled->factors)
                                          : scaled_in_groups(w, by->groups, scaled->factors);
  Value* weight = r.constant(scaled_w, node.input(1)->name);
  r.set_input(node, 1, weight);
  r.set_input(node, 0, x);
  return done();
}

// Conv(BatchNormalization(x), w, b)  =>  Conv(x, w * s, b + w * t)        without padding; Gemm too
RULE_ROUNDING(fuse_batch_normalization_into_next, "Conv", "Gemm") {
  Node* norm = producer(node.input(0), "BatchNormalization", node);
  if (norm == nullptr || !used_once(norm->output()))
    return no_match("no BatchNormalization before");
  if (norm->get<int64_t>("training_mode", 0) != 0 || norm->outputs.size() != 1) {
    return no_match("training");
  }
  const auto by = contracted(node);
  if (!by || by->x_axis != 1 || node.get<int64_t>("group", 1) != 1)
    return no_match("the weight is grouped, not constant, or used elsewhere");
  if (node.get<float>("alpha", 1) != 1 || node.get<float>("beta", 1) != 1)
    return no_match("the product has factors of its own");
  const auto pads = node.get<onnx::Attribute::Ints>("pads", {});
  const auto automatic = node.get<std::string>("auto_pad", std::string("NOTSET"));
  if (std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; }) ||
      (automatic != "NOTSET" && automatic != "VALID")) {
    return no_match("what is padded is not shifted");
  }
  const Tensor& w = *constant_of(node.input(1));
  const auto axis = static_cast<size_t>(by->weight_axis);
  const auto statistics = statistics_of(*norm, w.dims[axis]);
  const auto affine = affine_of(&node);
  constexpr int64_t kMaxWeight = int64_t{1} << 22;  // read here, to be summed
  if (!statistics || !affine || w.numel() > kMaxWeight)
    return no_match("the statistics are not constant, or the weight is large");
  std::vector<double> shift(static_cast<size_t>(affine->channels), 0);
  const std::vector<double> values = w.as_doubles();
  size_t inner = 1;  // elements of the weight behind its first two axes
  for (size_t d = 2; d < w.dims.size(); ++d) inner *= static_cast<size_t>(w.dims[d]);
  const auto columns = static_cast<size_t>(w.dims[1]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / inner / columns, column = i / inner % columns;
    shift[axis == 1 ? row : column] += values[i] * statistics->shift[axis == 1 ? column : row];
  }
  auto bias = bias_of(*affine);
  if (!bias) return no_match("the bias is not one number a channel");
  for (size_t c = 0; c < bias->size(); ++c) shift[c] += (*bias)[c];
  const DType dtype = w.dtype;
  const std::string name = node.input(1)->name;
  r.set_input(node, 1, r.constant(w.scaled(by->weight_axis, statistics->scale), name));
  r.set_input(node, 2, r.constant(tensor_of(dtype, shift), name + ".bias"));
  r.set_input(node, 0, norm->input(0));
  return done();
}

// --- into a weight before ------------------------------------------------------------------------

// What a factor passes on its way up, and where it ends.
struct AbsorptionPath {
  std::vector<Value*> passed;  // all of them become other values
  std::optional<Affine> target;
  Node* bias = nullptr;  // the Add behind a MatMul
  std::vector<double> factors;
};

bool only_moves(const Node& node) {
  return node.is("Transpose") || has_trait(node, Trait::kReshapes);
}

// The channel axis before this node, of what is `axis` behind it; nullopt: it mixes with others.
std::optional<size_t> axis_before(const Node& node, size_t axis) {
  const Value *x = node.input(0), *y = node.output();
  if (!x->shape || !y->shape) return std::nullopt;
  if (node.is("Transpose")) {
    const auto perm = perm_of(node);
    if (!perm) return std::nullopt;
    return static_cast<size_t>((*perm)[axis]);
  }
  // The last axis of both, of one size: rows were regrouped.
  if (axis + 1 != y->shape->size() || x->shape->empty()) return std::nullopt;
  if (x->shape->back() != y->shape->back()) return std::nullopt;
  return x->shape->size() - 1;
}

// Whether the constants of this node are its own.
bool owns_weight(const Node& node) {
  return used_once(node.input(1)) && (node.input(2) == nullptr || used_once(node.input(2)));
}

// A factor of the result may as well be one of an input.
bool is_product(const Node& node) {
  return (node.is("MatMul") && constant_of(node.input(1)) == nullptr) || node.is("Einsum");
}

// Follows v up to a weight that can take the factors. `axis`: of v, or nullopt for one number.
std::optional<AbsorptionPath> find_absorption_path(Value* v, std::optional<size_t> axis,
                                                   const Tensor& k, bool inverse,
                                                   const Node& user) {
  constexpr size_t kMaxSteps = 8;
  AbsorptionPath path;
  for (size_t step = 0; step < kMaxSteps; ++step) {
    Node* node = producer(v, user);
    if (node == nullptr || !node->domain.empty() || !used_once(v)) return std::nullopt;
    path.passed.push_back(v);
    Node* linear = node;
    if (node->is("Add") && v->shape) {
      for (size_t i = 0; i < 2; ++i) {
        Node* product = producer(node->input(i), "MatMul", user);
        if (product == nullptr || constant_of(node->input(1 - i)) == nullptr) continue;
        if (!used_once(product->output()) || !same_shape(product->output(), v)) continue;
        linear = product;
        path.bias = node;
      }
    }
    auto affine = affine_of(linear);
    if (affine && owns_weight(*linear) && (!axis || *axis == affine->channel_axis)) {
      if (path.bias != nullptr) path.passed.push_back(linear->output());
      path.target = affine;
      break;
    }
    path.bias = nullptr;
    if (only_moves(*node)) {
      if (axis) axis = axis_before(*node, *axis);
      if (!axis && k.numel() != 1) return std::nullopt;
      v = node->input(0);
    } else if (is_product(*node) && !axis) {
      for (size_t i = 0; i < node->inputs.size(); ++i) {
        auto rest = find_absorption_path(node->input(i), std::nullopt, k, inverse, user);
        if (!rest) continue;
        rest->passed.insert(rest->passed.begin(), path.passed.begin(), path.passed.end());
        return rest;
      }
      return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (!path.target) return std::nullopt;
  path.factors = k.as_doubles();
  const auto channels = static_cast<size_t>(path.target->channels);
  if (path.factors.size() == 1) path.factors.assign(channels, path.factors[0]);
  if (path.factors.size() != channels) return std::nullopt;
  for (double& f : path.factors) {
    if (inverse) f = 1 / f;
    if (!std::isfinite(f)) return std::nullopt;
  }
  return path;
}

// The bias of the Add behind a MatMul, times the factors; null when it is no list of columns.
Value* scaled_bias(Rewriter& r, const AbsorptionPath& path) {
  Value* bias = nullptr;
  for (size_t i = 0; i < 2; ++i) {
    if (constant_of(path.bias->input(i)) != nullptr) bias = path.bias->input(i);
  }
  const size_t rank = path.bias->output()->shape->size();
  auto numbers = along_axis(*constant_of(bias), rank, rank - 1, path.target->channels);
  if (!numbers) return nullptr;
  for (size_t c = 0; c < numbers->size(); ++c) (*numbers)[c] *= path.factors[c];
  return r.constant(tensor_of(bias->dtype, *numbers), bias->name);
}

// f(MatMul(x, w) + b) * k  =>  f(MatMul(x, w * k) + b * k)
//     f only moves elements, or multiplies with another matrix; k one number, or one a channel that
//     f leaves together. Conv, ConvTranspose and Gemm too.
RULE_ROUNDING(fuse_scale_into_weight_before, "Mul", "Div") {
  for (size_t i = node.is("Div") ? 1 : 0; i < 2; ++i) {
    const Tensor* k = constant_of(node.input(i));
    Value* x = node.input(1 - i);
    if (k == nullptr || k->dtype != x->dtype || !is_float(x) || k->numel() == 0) continue;
    if (!same_shape(x, node.output()) || !can_replace(node.output(), x)) continue;
    std::optional<size_t> axis;
    if (k->numel() != 1) {
      const size_t rank = x->shape->size();
      for (size_t d = 0; d < k->dims.size(); ++d) {
        if (k->dims[d] == k->numel()) axis = rank - k->dims.size() + d;
      }
      if (!axis || k->dims.size() > rank) continue;
    }
    auto path = find_absorption_path(x, axis, *k, node.is("Div"), node);
    if (!path) continue;
    Value* bias = path->bias != nullptr ? scaled_bias(r, *path) : nullptr;
    if (path->bias != nullptr && bias == nullptr) return no_match("the bias is not one a column");
    if (!scale_in_place(r, *path->target, path->factors))
      return no_match("the bias has other sizes");
    if (bias != nullptr) {
      r.set_input(*path->bias, constant_of(path->bias->input(0)) != nullptr ? 0 : 1, bias);
    }
    // They are other values now, and may not go by the names of the old ones; the last one is what
    // this node gave.
    for (Value* v : path->passed) v->graph->rename(v, v->name + ".scaled");
    const std::string name = node.output()->name;
    const bool takes_name = node.output()->graph_outputs == 0;
    r.replace(node, x);
    if (takes_name && node.output() != nullptr) {
      node.graph->rename(node.output(), name + ".replaced");
      x->graph->rename(x, name);
    }
    return done();
  }
  return no_match("no weight before that can take it");
}

}  // namespace
}  // namespace onnxport::simplify
