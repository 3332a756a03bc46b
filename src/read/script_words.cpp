#include "read/script_words.h"

#include <algorithm>
#include <array>

namespace onnxport::read {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_root(std::string_view name) {
  return is_one_of(name, {"torch", "ops", "CONSTANTS", "__torch__"});
}

bool starts_tasks(std::string_view name) { return name == "fork" || name == "awaitable"; }

bool is_builtin(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>({"annotate",
                                                                  "unchecked_cast",
                                                                  "uninitialized",
                                                                  "print",
                                                                  "tuple",
                                                                  "float",
                                                                  "int",
                                                                  "bool",
                                                                  "str",
                                                                  "complex",
                                                                  "getattr",
                                                                  "hasattr",
                                                                  "isinstance",
                                                                  "len",
                                                                  "hex",
                                                                  "oct",
                                                                  "round",
                                                                  "min",
                                                                  "max",
                                                                  "abs",
                                                                  "all",
                                                                  "any",
                                                                  "divmod",
                                                                  "sum",
                                                                  "list",
                                                                  "dict",
                                                                  "ord",
                                                                  "chr",
                                                                  "bin",
                                                                  "pow",
                                                                  "range",
                                                                  "zip",
                                                                  "enumerate",
                                                                  "rangelist",
                                                                  "sorted",
                                                                  "_to_tensor",
                                                                  "AssertionError",
                                                                  "inf",
                                                                  "nan",
                                                                  "infj",
                                                                  "nanj"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool is_property(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"dtype",     "device",  "data",    "shape",        "requires_grad",
       "layout",    "T",       "H",       "mT",           "mH",
       "real",      "imag",    "ndim",    "nbytes",       "itemsize",
       "type",      "index",   "name",    "value",        "is_cuda",
       "is_cpu",    "is_xla",  "is_xpu",  "is_sparse",    "is_sparse_csr",
       "is_mkldnn", "is_mps",  "is_mtia", "is_quantized", "is_vulkan",
       "is_ipu",    "is_meta", "is_maia", "is_leaf",      "is_nested",
       "tolist"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool is_quick(std::string_view op) {
  return is_one_of(op, {"aten::__getitem__",
                        "aten::__is__",
                        "aten::__isnot__",
                        "aten::__not__",
                        "aten::__and__",
                        "aten::__or__",
                        "aten::eq",
                        "aten::ne",
                        "aten::lt",
                        "aten::le",
                        "aten::gt",
                        "aten::ge",
                        "aten::len",
                        "aten::size",
                        "aten::dim",
                        "aten::device",
                        "aten::detach",
                        "aten::requires_grad_",
                        "aten::_unwrap_optional",
                        "prim::unchecked_cast",
                        "prim::data",
                        "prim::unchecked_unwrap_optional",
                        "prim::RaiseException",
                        "prim::device",
                        "prim::dtype",
                        "prim::layout",
                        "prim::requires_grad",
                        "prim::TupleIndex",
                        "prim::TupleUnpack",
                        "prim::Uninitialized"});
}

const CodeType* result_type(CodeNames& names, std::string_view op, const CodeType* of) {
  if (of == nullptr || of->parts.empty()) return nullptr;
  const bool list = of->head == "List";
  const bool dict = of->head == "Dict" && of->parts.size() == 2;
  if (is_one_of(op, {"_unwrap_optional", "unchecked_unwrap_optional"})) {
    return of->head == "Optional" ? of->parts[0] : nullptr;
  }
  if (is_one_of(op, {"__getitem__", "pop"})) {
    return list ? of->parts[0] : dict ? of->parts[1] : nullptr;
  }
  if (is_one_of(op, {"get", "setdefault"})) return dict ? of->parts[1] : nullptr;
  if (op == "keys") return dict ? names.type("List", {of->parts[0]}) : nullptr;
  if (op == "values") return dict ? names.type("List", {of->parts[1]}) : nullptr;
  if (is_one_of(op, {"list", "copy", "slice", "add", "sorted"}) && list) return of;
  return nullptr;
}

}  // namespace onnxport::read
