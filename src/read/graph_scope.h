// Names in one graph of a .pt2 (the program's own, or a subgraph that is inlined into it): what
// they are bound to, and how the file's Arguments become aten::Args.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "aten/program_builder.h"
#include "formats/json.h"
#include "read/tensor_meta.h"

namespace onnxport::read {

// What all scopes of a program share.
struct Shared {
  aten::ProgramBuilder builder;
  SizeReader sizes;
  std::unordered_set<std::string>
      known_symbols;  // symbols that a tensor's size or a scalar carries
};

class GraphScope {
 public:
  static Result<GraphScope> open(formats::JsonObject graph, Shared& shared);

  formats::JsonObject graph() const { return graph_; }

  // Binds a tensor's name to a new value, with the sizes that the graph records for it.
  Result<aten::ProgramBuilder::Ref> define_tensor(std::string_view name);
  // Binds the name of a number computed from data to a new scalar value.
  Result<aten::ProgramBuilder::Ref> define_scalar(std::string_view name);
  void bind(std::string_view name, aten::Arg arg) { bound_[name] = std::move(arg); }

  // An Argument of a call, e.g. {"as_sym_ints": [{"as_name": "sym_size_int"}, {"as_int": 3}]}.
  Result<aten::Arg> argument(formats::JsonValue value) const;
  Result<aten::ValueId> tensor(std::string_view name) const;

  // The names that a call's outputs bind, in order; nullopt for None.
  struct OutputName {
    enum class Kind { kNone, kTensor, kSymInt, kSymOther } kind;
    std::string_view name;
  };
  static Result<std::vector<OutputName>> output_names(formats::JsonArray outputs);

  // The size that the graph records for a SymInt's name; nullopt when it is not an integer
  // expression that we can read.
  std::optional<Expr> size(std::string_view name) const;

 private:
  Result<aten::ProgramBuilder::Ref> define(std::string_view name, aten::Value value);
  Result<aten::Arg> sym_name(std::string_view name) const;
  Result<aten::Arg> sym_union(formats::JsonValue value) const;
  Result<aten::Arg> optional_tensor(formats::JsonValue value) const;
  Result<aten::Arg> number_or_word(const formats::JsonUnion& argument) const;
  template <typename F>
  Result<aten::Arg> list(formats::JsonValue value, std::string_view what, F element) const;
  Status load_names(std::string_view field,
                    std::unordered_map<std::string_view, formats::JsonValue>& to);

  formats::JsonObject graph_;
  Shared* shared_ = nullptr;
  std::unordered_map<std::string_view, formats::JsonValue> tensor_metas_;
  std::unordered_map<std::string_view, formats::JsonValue> sym_ints_;
  std::unordered_map<std::string_view, formats::JsonValue> sym_floats_;
  std::unordered_map<std::string_view, aten::Arg> bound_;
};

}  // namespace onnxport::read
