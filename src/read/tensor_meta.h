// TensorMeta of a .pt2: element type, sizes (symbolic ones too), strides.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/expr.h"
#include "base/result.h"
#include "base/tensor.h"
#include "formats/json.h"
#include "formats/strided.h"

namespace onnxport::read {

// The serialized ScalarType (torch/_export/serde/schema.py): 7 is float32.
Result<DType> dtype_of_scalar_type(int64_t code);

// Sizes repeat thousands of times in a file: each text is parsed once.
class SizeReader {
 public:
  // {"as_int": 3} or {"as_expr": {"expr_str": "..."}}.
  Result<Expr> sym_int(formats::JsonValue value);
  Result<Shape> shape(formats::JsonArray sizes);

 private:
  std::unordered_map<std::string, Expr> seen_;
};

struct TensorMeta {
  DType dtype = DType::kUndefined;
  Shape sizes;
  std::optional<Shape> strides;  // nullopt where they are not integer expressions that we can read
};
Result<TensorMeta> tensor_meta(formats::JsonObject meta, SizeReader& sizes);

// For stored tensors, where every size is a number.
Result<formats::Strided> strided_meta(formats::JsonObject meta);

}  // namespace onnxport::read
