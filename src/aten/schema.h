// An ATen operator schema, as PyTorch prints it:
//   "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) ->
//   Tensor"
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aten/program.h"
#include "base/result.h"

namespace onnxport::aten {

struct SchemaParam {
  std::string type;  // without alias annotation: "Tensor", "int[2]", "SymInt[]?", ...
  std::string name;
  std::optional<Arg> default_value;
  bool keyword_only = false;
  bool written = false;   // alias annotation with '!': the argument is mutated
  std::string alias_set;  // "a" for Tensor(a) / Tensor(a!), else empty
};

struct SchemaReturn {
  std::string type;  // "Tensor", "Tensor[]", "SymInt", ...
  std::string alias_set;
  bool written = false;
};

struct Schema {
  std::string name;      // "aten::addmm"
  std::string overload;  // "" for the default overload
  std::vector<SchemaParam> params;
  std::vector<SchemaReturn> returns;

  std::string full_name() const { return overload.empty() ? name : name + "." + overload; }
  bool mutates() const;
};

Result<Schema> parse_schema(std::string_view text);

// Arguments in schema order, one per parameter: given ones by name or position, defaults filled in.
// A scalar given for an int[N] parameter is repeated N times, as PyTorch does (size -1 when no N).
Result<std::vector<Arg>> bind(const Schema& schema, const std::vector<NamedArg>& given);

// Whether an argument can be one of a parameter of this type ("Tensor?[]", "int[2]", ...). A number
// is a Tensor too (torch.export writes x * 2 so), a value computed from data may be any number.
// Types that no argument here has (Stream, functions) take everything.
bool accepts(std::string_view type, const Arg& arg);

}  // namespace onnxport::aten
