// Normalizations, and Softmax: each element is made of a whole row, and stays where it is.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

using enum Trait;

Status infer_batch_normalization(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  for (size_t i = 1; i < c.node.outputs.size(); ++i) {
    c.out(i, c.dtype(3), c.shape(3));
  }
  return {};
}
OP("BatchNormalization", {.infer = infer_batch_normalization});

// Outputs after the first are the statistics: one for each normalized row.
Status infer_layer_normalization(Context& c) {
  c.out(0, c.dtype(0), c.shape(0));
  const Shape* x = c.shape(0);
  const DType stash = c.dtype_attr("stash_type", DType::kFloat);
  c.out(1, stash);
  c.out(2, stash);
  if (x == nullptr) return {};
  auto axis = axis_of(c.attr("axis", -1), x->size());
  if (!axis) return c.wrong("axis outside " + to_string(*x));
  Shape statistics = *x;
  for (size_t i = *axis; i < statistics.size(); ++i) statistics[i] = Expr(1);
  c.out(1, stash, statistics);
  c.out(2, stash, statistics);
  return {};
}
OP({"LayerNormalization", "RMSNormalization"}, {.infer = infer_layer_normalization});

OP({"GroupNormalization", "InstanceNormalization", "LpNormalization", "LRN",
    "MeanVarianceNormalization"},
   {.infer = infer_same});

OP("Softmax", {.infer = infer_same, .traits = kNeverNegative});
OP({"Hardmax", "LogSoftmax"}, {.infer = infer_same});

OP({"CumProd", "CumSum"}, {.infer = infer_same});

}  // namespace
}  // namespace onnxport::onnx::ops
