// Random numbers, and Dropout, which draws them while a model is trained.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

// RandomNormalLike, RandomUniformLike, Bernoulli, EyeLike: the type may be named.
Status infer_like(Context& c) {
  c.out(0, c.dtype_attr("dtype", c.dtype(0)), c.shape(0));
  return {};
}
OP({"Bernoulli", "RandomNormalLike", "RandomUniformLike"},
   {.infer = infer_like, .traits = kRandom});
OP("EyeLike", {.infer = infer_like});

Status infer_random(Context& c) {
  Shape shape;
  for (int64_t d : c.attrs("shape")) shape.emplace_back(d);
  c.out(0, c.dtype_attr("dtype", DType::kFloat), shape);
  return {};
}
OP({"RandomNormal", "RandomUniform"}, {.infer = infer_random, .traits = kRandom});

OP("Multinomial", {.traits = kRandom});

Status infer_dropout(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  c.out(1, c.opset >= 10 ? DType::kBool : c.dtype(0), c.shape(0));
  return {};
}
OP("Dropout", {.infer = infer_dropout, .traits = kRandom, .became_inputs = {12, {"ratio"}}});

}  // namespace
}  // namespace onnxport::onnx::ops
