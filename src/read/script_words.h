// What words of TorchScript code mean: its builtin functions, the attributes of its values,
// operators that may run while an archive is loaded, and what operators on lists and dicts give.
#pragma once

#include <initializer_list>
#include <string_view>

#include "read/script_names.h"

namespace onnxport::read {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);

// torch, ops, ...: names that libtorch resolves before anything the archive says.
bool is_root(std::string_view name);

// fork, awaitable
bool starts_tasks(std::string_view name);

// Python's functions in TorchScript, without `hash` and `id`, which tell addresses.
bool is_builtin(std::string_view name);

// Attributes of tensors, devices and members of an Enum.
bool is_property(std::string_view name);

// "aten::eq": takes a state apart or looks at it; no tensor is made, and nothing grows.
bool is_quick(std::string_view op);

// The type of what an operator (without its namespace) gives for a value of type `of`, where that
// may be an object: null where it is not known.
const CodeType* result_type(CodeNames& names, std::string_view op, const CodeType* of);

}  // namespace onnxport::read
