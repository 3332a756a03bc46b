// The recurrent networks.
#include "onnx/ops/infer_context.h"

namespace onnxport::onnx::ops {
namespace {

Status infer_recurrent(Context& c) {
  for (size_t i = 0; i < 3; ++i) c.out(i, c.dtype(0));
  const Shape *x = c.shape(0), *r = c.shape(2);
  if (x == nullptr || x->size() != 3) return {};
  const bool batch_first = c.attr("layout", 0) != 0;
  const Expr length = (*x)[batch_first ? 1 : 0], batch = (*x)[batch_first ? 0 : 1];
  const Expr directions(c.text("direction", "forward") == "bidirectional" ? 2 : 1);
  Expr hidden = unknown_size();
  if (c.node.find("hidden_size") != nullptr) {
    hidden = Expr(c.attr("hidden_size", 1));
  } else if (r != nullptr && r->size() == 3) {
    hidden = (*r)[2];
  }
  const Shape state =
      batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  c.out(0, c.dtype(0),
        batch_first ? Shape{batch, length, directions, hidden}
                    : Shape{length, directions, batch, hidden});
  c.out(1, c.dtype(0), state);
  if (c.node.op_type.ends_with("LSTM")) c.out(2, c.dtype(0), state);
  return {};
}
OP({"LSTM", "GRU", "RNN"}, {.infer = infer_recurrent});
// What ONNX Runtime's quantizer makes of an LSTM.
OP("DynamicQuantizeLSTM", {.domain = "com.microsoft", .infer = infer_recurrent});

}  // namespace
}  // namespace onnxport::onnx::ops
