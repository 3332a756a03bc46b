#include "read/graph_scope.h"

#include <fmt/format.h>

namespace onnxport::read {

using aten::Arg;
using aten::ArgList;
using aten::ValueId;
using aten::Word;
using Ref = aten::ProgramBuilder::Ref;
using formats::JsonArray;
using formats::JsonObject;
using formats::JsonUnion;
using formats::JsonValue;

namespace {

Error unknown_form(std::string_view what, std::string_view tag) {
  return Error{fmt::format("{} has the unknown form `{}`", what, tag), ""};
}

Result<std::string_view> name_of(JsonValue value) {
  TRY_ASSIGN(JsonObject object, formats::json_object(value, "tensor"));
  return formats::string_field(object, "name");
}

// Codes of torch/_export/serde/schema.py, as libtorch spells the words.
Result<Arg> memory_format(int64_t code) {
  constexpr const char* kWords[] = {"", "contiguous_format", "channels_last", "channels_last_3d",
                                    "preserve_format"};
  if (code < 1 || code > 4) return Error{fmt::format("memory format {} is unknown", code), ""};
  return Arg(Word{Word::Kind::kMemoryFormat, kWords[code]});
}

Result<Arg> layout(int64_t code) {
  constexpr const char* kWords[] = {"",           "sparse_coo", "sparse_csr", "sparse_csc",
                                    "sparse_bsr", "sparse_bsc", "_mkldnn",    "strided"};
  if (code < 1 || code > 7) return Error{fmt::format("layout {} is unknown", code), ""};
  return Arg(Word{Word::Kind::kLayout, kWords[code]});
}

Result<Arg> device(JsonValue value) {
  TRY_ASSIGN(JsonObject object, formats::json_object(value, "as_device"));
  TRY_ASSIGN(std::string_view type, formats::string_field(object, "type"));
  std::string text(type);
  if (auto index = formats::json_optional(object, "index")) {
    TRY_ASSIGN(int64_t n, formats::json_int(*index, "index"));
    text += ":" + std::to_string(n);
  }
  return Arg(Word{Word::Kind::kDevice, std::move(text)});
}

Result<Arg> int_arg(JsonValue value) {
  TRY_ASSIGN(int64_t n, formats::json_int(value, "as_int"));
  return Arg(Expr(n));
}
Result<Arg> float_arg(JsonValue value) {
  TRY_ASSIGN(double d, formats::json_double(value, "as_float"));
  return Arg(d);
}
Result<Arg> bool_arg(JsonValue value) {
  TRY_ASSIGN(bool b, formats::json_bool(value, "as_bool"));
  return Arg(b);
}
Result<Arg> string_arg(JsonValue value) {
  TRY_ASSIGN(std::string_view s, formats::json_string(value, "as_string"));
  return Arg(std::string(s));
}

}  // namespace

Result<GraphScope> GraphScope::open(JsonObject graph, Shared& shared) {
  GraphScope scope;
  scope.graph_ = graph;
  scope.shared_ = &shared;
  TRY(scope.load_names("tensor_values", scope.tensor_metas_));
  TRY(scope.load_names("sym_int_values", scope.sym_ints_));
  TRY(scope.load_names("sym_float_values", scope.sym_floats_));
  return scope;
}

Status GraphScope::load_names(std::string_view field,
                              std::unordered_map<std::string_view, JsonValue>& to) {
  auto value = formats::json_optional(graph_, field);
  if (!value) return {};
  TRY_ASSIGN(JsonObject object, formats::json_object(*value, field));
  to.reserve(object.size());
  for (simdjson::dom::key_value_pair entry : object) to.emplace(entry.key, entry.value);
  return {};
}

// In a graph that is inlined the name may be taken: the value then has another.
Result<Ref> GraphScope::define(std::string_view name, aten::Value value) {
  value.name = std::string(name);
  if (bound_.contains(name)) return Error{fmt::format("`{}` is defined twice", name), ""};
  const Ref defined = shared_->builder.define(std::move(value), "_inlined_");
  bound_.emplace(name, Arg(defined.id()));
  return defined;
}

Result<Ref> GraphScope::define_tensor(std::string_view name) {
  aten::Value value;
  auto it = tensor_metas_.find(name);
  if (it == tensor_metas_.end()) {
    return Error{fmt::format("`{}` is not among the graph's tensor_values", name), ""};
  }
  auto meta = [&]() -> Result<TensorMeta> {
    TRY_ASSIGN(JsonObject object, formats::json_object(it->second, "tensor meta"));
    return tensor_meta(object, shared_->sizes);
  }();
  if (!meta.ok()) return std::move(meta).error().at(fmt::format("tensor_values `{}`", name));
  value.dtype = meta->dtype;
  for (const Expr& size : meta->sizes) {
    if (size.is_const() && size.value() < 0) {
      return Error{fmt::format("tensor_values `{}` has the size {}", name, size.value()), ""};
    }
    if (size.is_const()) continue;
    for (std::string& symbol : size.symbols()) shared_->known_symbols.insert(std::move(symbol));
  }
  value.shape = std::move(meta->sizes);
  value.strides = std::move(meta->strides);
  return define(name, std::move(value));
}

Result<Ref> GraphScope::define_scalar(std::string_view name) {
  aten::Value value;
  value.kind = aten::Value::Kind::kScalar;
  value.scalar = size(name);
  if (value.scalar) {
    for (std::string& symbol : value.scalar->symbols())
      shared_->known_symbols.insert(std::move(symbol));
  }
  return define(name, std::move(value));
}

std::optional<Expr> GraphScope::size(std::string_view name) const {
  auto it = sym_ints_.find(name);
  if (it == sym_ints_.end()) return std::nullopt;
  auto expr = shared_->sizes.sym_int(it->second);
  if (!expr.ok()) return std::nullopt;
  return std::move(expr).value();
}

Result<ValueId> GraphScope::tensor(std::string_view name) const {
  auto it = bound_.find(name);
  if (it == bound_.end()) return Error{fmt::format("`{}` is used before it is defined", name), ""};
  if (const auto* id = it->second.as<ValueId>()) return *id;
  return Error{fmt::format("`{}` should be a tensor", name), ""};
}

// A size is its expression; a number computed from data is the value that holds it.
Result<Arg> GraphScope::sym_name(std::string_view name) const {
  if (auto expr = size(name)) return Arg(std::move(*expr));
  if (auto it = bound_.find(name); it != bound_.end()) return it->second;
  if (auto it = sym_floats_.find(name); it != sym_floats_.end()) {
    TRY_ASSIGN(JsonUnion number, formats::json_union(it->second, name));
    if (number.tag == "as_float") return float_arg(number.value);
  }
  if (auto it = sym_ints_.find(name); it != sym_ints_.end()) {
    TRY_ASSIGN(Expr expr, shared_->sizes.sym_int(it->second));  // for its error
    return Arg(std::move(expr));
  }
  return Error{fmt::format("`{}` is used before it is defined", name), ""};
}

// {"as_name": "sym_size_int"}, {"as_int": 3}, {"as_float": 0.5}, {"as_bool": true}
Result<Arg> GraphScope::sym_union(JsonValue value) const {
  TRY_ASSIGN(JsonUnion u, formats::json_union(value, "symbolic argument"));
  if (u.tag == "as_name") {
    TRY_ASSIGN(std::string_view name, formats::json_string(u.value, "as_name"));
    return sym_name(name);
  }
  if (u.tag == "as_int") return int_arg(u.value);
  if (u.tag == "as_float") return float_arg(u.value);
  if (u.tag == "as_bool") return bool_arg(u.value);
  return unknown_form("a symbolic argument", u.tag);
}

Result<Arg> GraphScope::optional_tensor(JsonValue value) const {
  TRY_ASSIGN(JsonUnion u, formats::json_union(value, "optional tensor"));
  if (u.tag == "as_none") return Arg();
  if (u.tag != "as_tensor") return unknown_form("an optional tensor", u.tag);
  TRY_ASSIGN(std::string_view name, name_of(u.value));
  TRY_ASSIGN(ValueId id, tensor(name));
  return Arg(id);
}

template <typename F>
Result<Arg> GraphScope::list(JsonValue value, std::string_view what, F element) const {
  TRY_ASSIGN(JsonArray array, formats::json_array(value, what));
  ArgList out;
  out.reserve(array.size());
  for (JsonValue item : array) {
    TRY_ASSIGN(Arg arg, element(item));
    out.push_back(std::move(arg));
  }
  return Arg(std::move(out));
}

Result<Arg> GraphScope::number_or_word(const JsonUnion& u) const {
  if (u.tag == "as_int") return int_arg(u.value);
  if (u.tag == "as_ints") return list(u.value, u.tag, int_arg);
  if (u.tag == "as_float") return float_arg(u.value);
  if (u.tag == "as_floats") return list(u.value, u.tag, float_arg);
  if (u.tag == "as_bool") return bool_arg(u.value);
  if (u.tag == "as_bools") return list(u.value, u.tag, bool_arg);
  if (u.tag == "as_string" || u.tag == "as_operator") return string_arg(u.value);
  if (u.tag == "as_strings") return list(u.value, u.tag, string_arg);
  if (u.tag == "as_device") return device(u.value);
  if (u.tag == "as_scalar_type" || u.tag == "as_memory_format" || u.tag == "as_layout") {
    TRY_ASSIGN(int64_t code, formats::json_int(u.value, u.tag));
    if (u.tag == "as_memory_format") return memory_format(code);
    if (u.tag == "as_layout") return layout(code);
    TRY_ASSIGN(DType dtype, dtype_of_scalar_type(code));
    return Arg(dtype);
  }
  if (u.tag == "as_int_lists" || u.tag == "as_float_lists") {
    const bool ints = u.tag == "as_int_lists";
    return list(u.value, u.tag, [&](JsonValue inner) {
      return ints ? list(inner, "as_ints", int_arg) : list(inner, "as_floats", float_arg);
    });
  }
  return unknown_form("an argument", u.tag);
}

Result<Arg> GraphScope::argument(JsonValue value) const {
  TRY_ASSIGN(JsonUnion u, formats::json_union(value, "argument"));
  auto tensor_arg = [&](JsonValue v) -> Result<Arg> {
    TRY_ASSIGN(std::string_view name, name_of(v));
    TRY_ASSIGN(ValueId id, tensor(name));
    return Arg(id);
  };
  if (u.tag == "as_none") return Arg();
  if (u.tag == "as_tensor") return tensor_arg(u.value);
  if (u.tag == "as_tensors") return list(u.value, u.tag, tensor_arg);
  if (u.tag == "as_nested_tensors") {
    return list(u.value, u.tag, [&](JsonValue v) { return list(v, "as_tensors", tensor_arg); });
  }
  if (u.tag == "as_optional_tensor") return optional_tensor(u.value);
  if (u.tag == "as_optional_tensors") {
    return list(u.value, u.tag, [&](JsonValue v) { return optional_tensor(v); });
  }
  if (u.tag == "as_sym_int" || u.tag == "as_sym_float" || u.tag == "as_sym_bool") {
    return sym_union(u.value);
  }
  if (u.tag == "as_sym_ints" || u.tag == "as_sym_floats" || u.tag == "as_sym_bools") {
    return list(u.value, u.tag, [&](JsonValue v) { return sym_union(v); });
  }
  if (u.tag == "as_complex") return Error{"complex numbers are not supported", ""};
  if (u.tag == "as_custom_obj") return Error{"torchbind objects are not supported", ""};
  if (u.tag == "as_graph") {
    TRY_ASSIGN(std::string_view name, name_of(u.value));
    return Arg(fmt::format("<graph {}>", name));
  }
  return number_or_word(u);
}

Result<std::vector<GraphScope::OutputName>> GraphScope::output_names(JsonArray outputs) {
  using Kind = OutputName::Kind;
  std::vector<OutputName> out;
  for (JsonValue output : outputs) {
    TRY_ASSIGN(JsonUnion u, formats::json_union(output, "output"));
    if (u.tag == "as_none" || u.tag == "as_int" || u.tag == "as_float" || u.tag == "as_bool") {
      out.push_back({Kind::kNone, ""});
    } else if (u.tag == "as_tensor") {
      TRY_ASSIGN(std::string_view name, name_of(u.value));
      out.push_back({Kind::kTensor, name});
    } else if (u.tag == "as_tensors") {
      TRY_ASSIGN(JsonArray list, formats::json_array(u.value, u.tag));
      for (JsonValue element : list) {
        TRY_ASSIGN(std::string_view name, name_of(element));
        out.push_back({Kind::kTensor, name});
      }
    } else if (u.tag == "as_optional_tensor") {
      TRY_ASSIGN(JsonUnion inner, formats::json_union(u.value, u.tag));
      std::string_view name;
      if (inner.tag == "as_tensor") {
        TRY_ASSIGN(name, name_of(inner.value));
      }
      out.push_back({inner.tag == "as_tensor" ? Kind::kTensor : Kind::kNone, name});
    } else if (u.tag == "as_sym_int" || u.tag == "as_sym_float" || u.tag == "as_sym_bool") {
      TRY_ASSIGN(JsonUnion inner, formats::json_union(u.value, u.tag));
      std::string_view name;
      if (inner.tag == "as_name") {
        TRY_ASSIGN(name, formats::json_string(inner.value, "as_name"));
      }
      Kind kind = name.empty()            ? Kind::kNone
                  : u.tag == "as_sym_int" ? Kind::kSymInt
                                          : Kind::kSymOther;
      out.push_back({kind, name});
    } else {
      return unknown_form("an output of a call", u.tag);
    }
  }
  return out;
}

}  // namespace onnxport::read
