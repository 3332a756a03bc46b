// What a Conv, ConvTranspose, Gemm or MatMul with a constant weight can take in.
#include <algorithm>
#include <cmath>

#include "simplify/match.h"
#include "simplify/scale_shift.h"

namespace onnxport::simplify {
namespace {

// BatchNormalization(Conv(x, w, b))  =>  Conv(x, w * s, (b - mean) * s + bias)
//     s = scale / sqrt(var + epsilon); ConvTranspose and Gemm too, when nothing else uses the
//     result
RULE_ROUNDING(fuse_batch_normalization, "BatchNormalization") {
  if (node.get<int64_t>("training_mode", 0) != 0) return no_match("training");
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != nullptr && !node.outputs[i]->unused()) return no_match("training");
  }
  const auto affine = affine_of(producer(node.input(0), node));
  if (!affine || affine->node->is("MatMul") || !used_once(node.input(0))) {
    return no_match("no Conv of its own before");
  }
  const auto by = statistics_of(node, affine->channels);
  if (!by) return no_match("the statistics are not constant");
  return absorb(r, *affine, node, *by);
}

// BatchNormalization(Reshape(MatMul(x, w)))  =>  Reshape(Add(MatMul(x, w * s), shift))
//     when the Reshape only gathers rows: the columns are BatchNormalization's channels
RULE_ROUNDING(fuse_batch_normalization_over_rows, "BatchNormalization") {
  if (node.get<int64_t>("training_mode", 0) != 0 || node.outputs.size() != 1) {
    return no_match("training");
  }
  Node* rows = producer(node.input(0), "Reshape", node);
  if (rows == nullptr || !used_once(rows->output()) || !node.output()->shape) {
    return no_match("no Reshape before");
  }
  Node* matmul = producer(rows->input(0), "MatMul", node);
  const auto affine = affine_of(matmul);
  if (!affine || !used_once(matmul->output()) || matmul->output()->dtype != node.output()->dtype) {
    return no_match("no MatMul of its own before");
  }
  const Shape& flat = *node.output()->shape;
  if (flat.size() != 2 || !flat[1].is_const(affine->channels))
    return no_match("the channels are not the columns");
  const auto p = statistics_of(node, affine->channels);
  if (!p) return no_match("the statistics are not constant");
  const Tensor& w = *constant_of(matmul->input(1));
  Value* weight = r.constant(w.scaled(affine->weight_axis, p->scale), matmul->input(1)->name);
  Value* product = r.op("MatMul", {matmul->input(0), weight}, {}, rows);
  stand_for(product, *matmul);
  Value* shift = r.constant(tensor_of(w.dtype, p->shift), matmul->input(1)->name + ".bias");
  Value* sum = r.op("Add", {product, shift}, {}, rows);
  r.replace(node, r.op("Reshape", {sum, rows->input(1)}, rows->attributes));
  return done();
}

// Mul(Conv(x, w, b), k)  =>  Conv(x, w * k, b * k)        k constant, one number an output channel
// Add(Conv(x, w, b), k)  =>  Conv(x, w, b + k)            Div and Sub too; Gemm and MatMul too
RULE_ROUNDING(fuse_scale_or_shift, "Mul", "Div", "Add", "Sub") {
  for (size_t i = 0; i < 2; ++i) {
    if (i == 1 && (node.is("Div") || node.is("Sub"))) break;
    const Value* x = node.input(i);
    const Tensor* k = constant_of(node.input(1 - i));
    if (x == nullptr || k == nullptr || !x->shape || !used_once(x)) continue;
    const auto affine = affine_of(producer(x, node));
    if (!affine || !same_shape(x, node.output())) continue;
    auto factors = along_axis(*k, x->shape->size(), affine->channel_axis, affine->channels);
    if (!factors) continue;
    ScaleShift by;
    if (node.is("Mul") || node.is("Div")) {
      if (node.is("Div")) {
        for (double& f : *factors) f = 1 / f;
      }
      if (std::any_of(factors->begin(), factors->end(),
                      [](double f) { return !std::isfinite(f); })) {
        return no_match("a factor is not finite");
      }
      by.scale = *factors;
    } else {
      if (node.is("Sub")) {
        for (double& f : *factors) f = -f;
      }
      by.shift = *factors;
    }
    return absorb(r, *affine, node, by);
  }
  return no_match("no constant one number a channel beside a weighted node");
}

// Mul(Add(MatMul(x, w), b), k)  =>  Add(MatMul(x, w * k), b * k)        k one number a column
RULE_ROUNDING(fuse_scale_into_linear, "Mul") {
  for (size_t i = 0; i < 2; ++i) {
    const Value* x = node.input(i);
    const Tensor* k = constant_of(node.input(1 - i));
    Node* add = producer(x, "Add", node);
    if (k == nullptr || add == nullptr || !x->shape || !used_once(x)) continue;
    for (size_t j = 0; j < 2; ++j) {
      const Value* product = add->input(j);
      Node* matmul = producer(product, "MatMul", node);
      const Tensor* b = constant_of(add->input(1 - j));
      if (matmul == nullptr || b == nullptr || !used_once(product)) continue;
      const auto affine = affine_of(matmul);
      if (!affine || !same_shape(x, node.output()) || !same_shape(x, product)) continue;
      const size_t rank = x->shape->size();
      auto factors = along_axis(*k, rank, rank - 1, affine->channels);
      auto bias = along_axis(*b, rank, rank - 1, affine->channels);
      if (!factors || !bias) continue;
      for (size_t c = 0; c < bias->size(); ++c) (*bias)[c] *= (*factors)[c];
      const Tensor& w = *constant_of(matmul->input(1));
      Value* weight = r.constant(w.scaled(1, *factors), matmul->input(1)->name);
      Value* scaled = r.op("MatMul", {matmul->input(0), weight}, {}, add);
      stand_for(scaled, *matmul);
      Value* shift = r.constant(tensor_of(w.dtype, *bias), add->input(1 - j)->name);
      Value* sum = r.op("Add", {scaled, shift});
      r.replace(node, sum);
      name_producer(sum, add->name);
      return done();
    }
  }
  return no_match("no Linear before");
}

// MatMul(a, b) + c  =>  Gemm(a, b, c)        matrices, c one number a column
RULE_ROUNDING(matmul_add_to_gemm, "Add") {
  for (size_t i = 0; i < 2; ++i) {
    Node* matmul = producer(node.input(i), "MatMul", node);
    const Value* c = node.input(1 - i);
    if (matmul == nullptr || constant_of(c) == nullptr || !used_once(matmul->output())) continue;
    const Value *a = matmul->input(0), *b = matmul->input(1);
    if (!a->shape || !b->shape || !c->shape || a->shape->size() != 2 || b->shape->size() != 2) {
      continue;
    }
    if (!is_floating(a->dtype) || (r.opset() < 11 && c->shape->size() != 1)) continue;
    if (c->shape->size() > 2 || c->shape->empty()) continue;
    if (c->shape->size() == 2 && !(*c->shape)[0].is_const(1)) continue;
    if (c->shape->back() != b->shape->back()) continue;
    Value* y = r.op("Gemm", {matmul->input(0), matmul->input(1), node.input(1 - i)});
    const std::string name = matmul->name;
    r.replace(node, y);
    name_producer(y, name);
    return done();
  }
  return no_match("no product of matrices");
}

}  // namespace
}  // namespace onnxport::simplify
