#include "read/script_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace onnxport::read {

namespace {

using Kind = ScriptExpr::Kind;

constexpr size_t kMaxExprs = 2'000'000;  // of all code together
constexpr size_t kMaxNameLength = 2000;

Error wrong(const std::string& what, int line) { return Error{what, fmt::format("line {}", line)}; }

// archive/code/__torch__/a/b.py holds __torch__.a.b.*
std::string prefix_of(std::string_view entry) {
  entry.remove_prefix(entry.find('/') + 1);  // the archive's own folder
  entry.remove_prefix(entry.find('/') + 1);  // code
  std::string out(entry.substr(0, entry.size() - 3));
  std::replace(out.begin(), out.end(), '/', '.');
  return out;
}

bool is_native(std::string_view name) { return name.starts_with("__torch__.torch.classes."); }

// Of those that Python calls by itself, but for what only names or `with` call.
bool is_special(std::string_view method) {
  return method.starts_with("__") && method.ends_with("__") && method != "__init__" &&
         method != "__setstate__" && method != "__getstate__" && method != "__enter__" &&
         method != "__exit__";
}

}  // namespace

std::string dotted_name(const ScriptFile& file, ExprId id) {
  std::vector<std::string_view> names;
  while (file.at(id).kind == Kind::kAttribute) {
    names.push_back(file.at(id).text);
    id = file.parts_of(id)[0];
  }
  if (file.at(id).kind != Kind::kName) return "";
  std::string out(file.at(id).text);
  for (auto name = names.rbegin(); name != names.rend(); ++name) (out += '.') += *name;
  return out;
}

const CodeFunction* CodeClass::method(std::string_view method_name) const {
  auto found = methods.find(method_name);
  return found == methods.end() ? nullptr : found->second;
}

const CodeClass* CodeNames::find_class(std::string_view name) const {
  auto found = class_by_name_.find(name);
  return found == class_by_name_.end() ? nullptr : found->second;
}

const CodeFunction* CodeNames::find_function(std::string_view name) const {
  auto found = function_by_name_.find(name);
  return found == function_by_name_.end() ? nullptr : found->second;
}

std::span<const CodeFunction* const> CodeNames::methods_named(std::string_view name) const {
  auto found = methods_.find(name);
  if (found == methods_.end()) return {};
  return found->second;
}

Status CodeNames::read(std::span<const CodeEntry> entries) {
  size_t left = kMaxExprs;
  for (const CodeEntry& entry : entries) {
    auto file = parse_script(entry.text, left);
    if (!file.ok()) return std::move(file).error().at("archive entry `" + entry.name + "`");
    left -= file->exprs.size();
    files_.push_back(std::move(*file));
    Status status = declare(entry, files_.back());
    if (!status.ok()) return std::move(status).error().at("archive entry `" + entry.name + "`");
  }
  for (CodeClass& made : classes_) {
    Status status = define_fields(made);
    if (!status.ok()) {
      return std::move(status).error().at("archive entry `" + made.entry->name + "`");
    }
  }
  for (CodeFunction& function : functions_) {
    Status status = define_signature(function);
    if (!status.ok()) {
      return std::move(status).error().at("archive entry `" + function.entry->name + "`");
    }
  }
  return {};
}

CodeFunction& CodeNames::add_function(std::string name, const CodeEntry& entry,
                                      const ScriptFile& file, const ScriptFunction& syntax) {
  functions_.push_back({std::move(name), &entry, &file, &syntax});
  functions_.back().index = static_cast<uint32_t>(functions_.size() - 1);
  return functions_.back();
}

Status CodeNames::declare(const CodeEntry& entry, const ScriptFile& file) {
  const std::string prefix = prefix_of(entry.name) + ".";
  if (prefix.size() > kMaxNameLength) return Error{"has too long a name", ""};
  for (const ScriptFunction& syntax : file.functions) {
    CodeFunction& made = add_function(prefix + std::string(syntax.name), entry, file, syntax);
    if (!function_by_name_.emplace(made.name, &made).second) {
      return wrong(fmt::format("defines `{}` a second time", made.name), syntax.line);
    }
  }
  for (const ScriptClass& syntax : file.classes) {
    classes_.push_back({prefix + std::string(syntax.name), &entry, &file, &syntax});
    CodeClass& made = classes_.back();
    made.index = static_cast<uint32_t>(classes_.size() - 1);
    made.type = types_
                    .emplace(std::pair{std::string_view(made.name), std::vector<const CodeType*>()},
                             std::make_unique<CodeType>(CodeType{"", {}, &made}))
                    .first->second.get();
    if (!class_by_name_.emplace(made.name, &made).second || find_function(made.name) != nullptr) {
      return wrong(fmt::format("defines `{}` a second time", made.name), syntax.line);
    }
    for (const ScriptFunction& method : syntax.methods) {
      CodeFunction& added =
          add_function(made.name + "." + std::string(method.name), entry, file, method);
      added.owner = &made;
      if (!made.methods.emplace(method.name, &added).second) {
        return wrong(fmt::format("defines `{}` a second time", added.name), method.line);
      }
      methods_[method.name].push_back(&added);
      if (is_special(method.name)) methods_[kSpecialMethods].push_back(&added);
    }
  }
  return {};
}

Status CodeNames::define_fields(CodeClass& made) {
  for (const ScriptField& field : made.syntax->fields) {
    const CodeType* found = made.type;  // what an Enum's members are
    if (field.type != kNoExpr) {
      TRY_ASSIGN(found, type(*made.file, field.type, made.mentions));
    }
    if (field.value != kNoExpr) TRY(check_value(*made.file, field.value));
    if (!made.fields.emplace(field.name, found).second || made.methods.contains(field.name)) {
      return wrong(fmt::format("defines `{}.{}` a second time", made.name, field.name),
                   made.syntax->line);
    }
  }
  for (std::string_view hook : made.syntax->hooks) {
    if (made.method(hook) == nullptr) {
      return wrong(fmt::format("names a hook `{}` that `{}` has no method for", hook, made.name),
                   made.syntax->line);
    }
  }
  return {};
}

Status CodeNames::define_signature(CodeFunction& function) {
  std::vector<const CodeClass*> ignored;
  if (function.syntax->returns != kNoExpr) {
    TRY_ASSIGN(function.returns, type(*function.file, function.syntax->returns, ignored));
  }
  for (const ScriptParameter& parameter : function.syntax->parameters) {
    if (parameter.value != kNoExpr) TRY(check_value(*function.file, parameter.value));
  }
  return {};
}

const CodeType* CodeNames::type(std::string_view head, std::vector<const CodeType*> parts) {
  std::unique_ptr<CodeType>& known = types_[{head, parts}];
  if (!known) known = std::make_unique<CodeType>(CodeType{head, std::move(parts), nullptr});
  return known.get();
}

Result<const CodeType*> CodeNames::type(const ScriptFile& file, ExprId id,
                                        std::vector<const CodeClass*>& mentions) {
  const ScriptExpr& expr = file.at(id);
  switch (expr.kind) {
    case Kind::kName:
    case Kind::kConstant:
      return type(expr.text, {});
    case Kind::kAttribute: {
      const std::string name = dotted_name(file, id);
      const CodeClass* found = find_class(name);
      if (found != nullptr && !is_native(name)) {
        mentions.push_back(found);
        return found->type;
      }
      return wrong(is_native(name)
                       ? fmt::format("needs libtorch's own class `{}`, which is not read", name)
                       : fmt::format("names the type `{}`, which the archive does not define",
                                     name.substr(0, kMaxNameLength)),
                   expr.line);
    }
    case Kind::kTuple:  // Tuple[()]
      return type("", {});
    case Kind::kSubscript: {
      std::vector<const CodeType*> parts;
      for (ExprId part : file.parts_of(id).subspan(1)) {
        TRY_ASSIGN(const CodeType* made, type(file, part, mentions));
        parts.push_back(made);
      }
      const ScriptExpr& head = file.at(file.parts_of(id)[0]);
      if (head.kind != Kind::kName) break;
      if (head.text == "Final" && parts.size() == 1) return parts[0];
      return type(head.text, std::move(parts));
    }
    default:
      break;
  }
  return wrong("has something that is no type where a type should be", expr.line);
}

// A literal: libtorch evaluates whatever else stands there while the archive is loaded.
Status CodeNames::check_value(const ScriptFile& file, ExprId id) {
  const ScriptExpr& expr = file.at(id);
  std::span<const ExprId> parts = file.parts_of(id);
  switch (expr.kind) {
    case Kind::kConstant:
    case Kind::kString:
      return {};
    case Kind::kName:
      if (expr.text == "inf" || expr.text == "nan" || expr.text == "infj" || expr.text == "nanj") {
        return {};
      }
      break;
    case Kind::kOperation:  // -inf, 1 + 2j
      if (expr.text != "-" && expr.text != "+") break;
      for (ExprId part : parts) {
        const Kind kind = file.at(part).kind;
        if (kind != Kind::kConstant && kind != Kind::kName) {
          return wrong("has a default that has to be computed", expr.line);
        }
      }
      [[fallthrough]];
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
      for (ExprId part : parts) TRY(check_value(file, part));
      return {};
    case Kind::kAttribute: {
      const std::string name = dotted_name(file, parts[0]);
      if (name == "CONSTANTS") return {};  // a tensor of constants.pkl: read, not computed
      const CodeClass* found = find_class(name);
      if (found != nullptr && found->syntax->base == "Enum") return {};
      break;
    }
    case Kind::kCall: {
      const std::string callee = dotted_name(file, parts[0]);
      if (callee == "annotate" && parts.size() == 3) {
        std::vector<const CodeClass*> ignored;
        TRY_ASSIGN([[maybe_unused]] const CodeType* named, type(file, parts[1], ignored));
        return check_value(file, parts[2]);
      }
      if (callee != "torch.device") break;
      for (ExprId part : parts.subspan(1)) TRY(check_value(file, part));
      return {};
    }
    default:
      break;
  }
  return wrong("has a value that would be computed while the archive is loaded", expr.line);
}

}  // namespace onnxport::read
