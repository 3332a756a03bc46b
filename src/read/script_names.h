// What the code of a TorchScript archive defines: classes with the types of their attributes, and
// functions, by the names by which code calls them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "read/script_syntax.h"

namespace onnxport::read {

// A file of the archive: "archive/code/__torch__/torch/nn/modules/linear.py" and its text.
struct CodeEntry {
  std::string name;
  std::string_view text;
};

struct CodeClass;

// The name of all methods that operators and Python's functions call: __len__, __add__, ...
constexpr std::string_view kSpecialMethods = "";

// Equal types are one object.
struct CodeType {
  std::string_view head;                    // "Tensor", "List", "function", empty for a class
  std::vector<const CodeType*> parts = {};  // null: not known
  const CodeClass* named = nullptr;
};

struct CodeFunction {
  std::string name;  // "__torch__.M.forward"
  const CodeEntry* entry = nullptr;
  const ScriptFile* file = nullptr;
  const ScriptFunction* syntax = nullptr;
  const CodeClass* owner = nullptr;  // of a method
  const CodeType* returns = nullptr;
  uint32_t index = 0;
};

struct CodeClass {
  std::string name;
  const CodeEntry* entry = nullptr;
  const ScriptFile* file = nullptr;
  const ScriptClass* syntax = nullptr;
  const CodeType* type = nullptr;
  std::unordered_map<std::string_view, const CodeType*> fields = {};
  std::unordered_map<std::string_view, const CodeFunction*> methods = {};
  std::vector<const CodeClass*> mentions = {};  // in the types of its fields
  uint32_t index = 0;

  // What a value of this class is, is known without running: no interface.
  bool is_exact() const { return !syntax->base.ends_with("Interface"); }
  const CodeFunction* method(std::string_view method_name) const;
};

class CodeNames {
 public:
  // `entries` outlive the result. Refuses what cannot be parsed, names that are defined twice,
  // types that nothing defines, and values of attributes and parameters that would have to be
  // computed: libtorch computes them while it loads the archive.
  Status read(std::span<const CodeEntry> entries);

  const std::deque<CodeFunction>& functions() const { return functions_; }
  const std::deque<CodeClass>& classes() const { return classes_; }
  const CodeClass* find_class(std::string_view name) const;
  const CodeFunction* find_function(std::string_view name) const;
  // Methods of any class.
  std::span<const CodeFunction* const> methods_named(std::string_view name) const;

  // The type that an expression names. `mentions`: receives the classes in it.
  Result<const CodeType*> type(const ScriptFile& file, ExprId id,
                               std::vector<const CodeClass*>& mentions);
  const CodeType* type(std::string_view head, std::vector<const CodeType*> parts);

 private:
  Status declare(const CodeEntry& entry, const ScriptFile& file);
  Status define_fields(CodeClass& made);
  Status define_signature(CodeFunction& function);
  Status check_value(const ScriptFile& file, ExprId id);
  CodeFunction& add_function(std::string name, const CodeEntry& entry, const ScriptFile& file,
                             const ScriptFunction& syntax);

  std::deque<ScriptFile> files_;
  std::deque<CodeFunction> functions_;
  std::deque<CodeClass> classes_;
  std::unordered_map<std::string_view, CodeClass*> class_by_name_;
  std::unordered_map<std::string_view, CodeFunction*> function_by_name_;
  std::unordered_map<std::string_view, std::vector<const CodeFunction*>> methods_;
  std::map<std::pair<std::string_view, std::vector<const CodeType*>>, std::unique_ptr<CodeType>>
      types_;
};

// "a.b.c" of names and attributes; empty when `id` is anything else.
std::string dotted_name(const ScriptFile& file, ExprId id);

}  // namespace onnxport::read
