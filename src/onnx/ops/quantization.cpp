// Between floats and small integers with a scale.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

Status infer_quantize(Context& c) {
  DType dtype = c.has(2) ? c.dtype(2) : c.dtype_attr("output_dtype", DType::kUint8);
  if (!c.has(2) && dtype == DType::kUndefined) dtype = DType::kUint8;
  c.out(0, dtype, c.shape(0));
  return {};
}
OP("QuantizeLinear", {.infer = infer_quantize});

Status infer_dequantize(Context& c) {
  const DType named = c.dtype_attr("output_dtype", DType::kUndefined);
  c.out(0,
        named != DType::kUndefined ? named
        : c.opset >= 19            ? c.dtype(1)
                                   : DType::kFloat,
        c.shape(0));
  return {};
}
OP("DequantizeLinear", {.infer = infer_dequantize});

Status infer_dynamic_quantize(Context& c) {
  c.out(0, DType::kUint8, c.shape(0));
  c.out(1, DType::kFloat, Shape{});
  c.out(2, DType::kUint8, Shape{});
  return {};
}
OP("DynamicQuantizeLinear", {.infer = infer_dynamic_quantize});

}  // namespace
}  // namespace onnxport::onnx::ops
