// Dropout does nothing outside training; in training its result is random, which no file can prove.
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

Value dropout(Builder&, Value input, double p, bool train) {
  if (!train || p == 0) return input;
  refuse("the model was exported in training mode; call model.eval() before torch.export");
}
LOWER("aten::dropout(Tensor input, float p, bool train) -> Tensor", dropout);
LOWER("aten::feature_dropout(Tensor input, float p, bool train) -> Tensor", dropout);
LOWER("aten::alpha_dropout(Tensor input, float p, bool train) -> Tensor", dropout);
LOWER("aten::feature_alpha_dropout(Tensor input, float p, bool train) -> Tensor", dropout);
LOWER("aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)",
      [](Builder& g, Value input, double p, std::optional<bool> train) {
        Value out = dropout(g, input, p, train.value_or(true));
        return Values{out, g.expand(g.scalar(1, DType::kBool), Builder::shape(input))};
      });

}  // namespace
}  // namespace onnxport::lower
