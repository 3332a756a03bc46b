#include "read/tensor_meta.h"

#include <fmt/format.h>

#include "formats/torch_types.h"
#include "read/sym_expr.h"

namespace onnxport::read {

using formats::JsonArray;
using formats::JsonObject;
using formats::JsonUnion;
using formats::JsonValue;

Result<DType> dtype_of_scalar_type(int64_t code) {
  const DType dtype = formats::dtype_numbered(code);
  if (dtype != DType::kUndefined) return dtype;
  return Error{fmt::format("element type {} is not supported", code), ""};
}

Result<Expr> SizeReader::sym_int(JsonValue value) {
  TRY_ASSIGN(JsonUnion size, formats::json_union(value, "size"));
  if (size.tag == "as_int") {
    TRY_ASSIGN(int64_t n, formats::json_int(size.value, "as_int"));
    return Expr(n);
  }
  if (size.tag != "as_expr")
    return Error{fmt::format("a size has the unknown form `{}`", size.tag), ""};
  TRY_ASSIGN(JsonObject expr, formats::json_object(size.value, "as_expr"));
  TRY_ASSIGN(std::string_view text, formats::string_field(expr, "expr_str"));
  auto it = seen_.find(std::string(text));
  if (it != seen_.end()) return it->second;
  TRY_ASSIGN(Expr parsed, parse_sym_expr(text));
  seen_.emplace(text, parsed);
  return parsed;
}

Result<Shape> SizeReader::shape(JsonArray sizes) {
  Shape out;
  for (JsonValue size : sizes) {
    TRY_ASSIGN(Expr e, sym_int(size));
    out.push_back(std::move(e));
  }
  return out;
}

Result<TensorMeta> tensor_meta(JsonObject meta, SizeReader& sizes) {
  TensorMeta out;
  TRY_ASSIGN(int64_t code, formats::int_field(meta, "dtype"));
  TRY_ASSIGN(out.dtype, dtype_of_scalar_type(code));
  TRY_ASSIGN(JsonArray list, formats::array_field(meta, "sizes"));
  TRY_ASSIGN(out.sizes, sizes.shape(list));
  TRY_ASSIGN(JsonArray stride_list, formats::array_field(meta, "strides"));
  if (auto strides = sizes.shape(stride_list); strides.ok())
    out.strides = std::move(strides).value();
  return out;
}

namespace {

Result<std::vector<int64_t>> numbers(JsonObject meta, std::string_view field) {
  TRY_ASSIGN(JsonArray list, formats::array_field(meta, field));
  std::vector<int64_t> out;
  for (JsonValue element : list) {
    TRY_ASSIGN(JsonUnion n, formats::json_union(element, field));
    if (n.tag != "as_int") {
      return Error{
          fmt::format("`{}` of a stored tensor should be numbers, but has `{}`", field, n.tag), ""};
    }
    TRY_ASSIGN(int64_t value, formats::json_int(n.value, field));
    out.push_back(value);
  }
  return out;
}

}  // namespace

Result<formats::Strided> strided_meta(JsonObject meta) {
  formats::Strided out;
  TRY_ASSIGN(int64_t code, formats::int_field(meta, "dtype"));
  TRY_ASSIGN(out.dtype, dtype_of_scalar_type(code));
  TRY_ASSIGN(out.sizes, numbers(meta, "sizes"));
  TRY_ASSIGN(out.strides, numbers(meta, "strides"));
  TRY_ASSIGN(JsonValue offset_value, formats::json_field(meta, "storage_offset"));
  TRY_ASSIGN(JsonUnion offset, formats::json_union(offset_value, "storage_offset"));
  TRY_ASSIGN(out.offset, formats::json_int(offset.value, "storage_offset"));
  constexpr int64_t kStrided = 7;
  TRY_ASSIGN(int64_t layout, formats::int_field(meta, "layout"));
  if (layout != kStrided)
    return Error{"sparse and other non-strided weights are not supported", ""};
  return out;
}

}  // namespace onnxport::read
