// The code of a TorchScript archive as a tree: classes and functions, statements and expressions.
// Only what torch.jit.save writes is read; the rest (comprehensions, lambdas, nested functions,
// decorators) is refused with its line. Precedence is not kept, since nothing here needs it: all
// operands of a chain of operators are parts of one expression.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace onnxport::read {

using ExprId = uint32_t;
constexpr ExprId kNoExpr = UINT32_MAX;

struct ScriptExpr {
  enum class Kind : uint8_t {
    kName,       // text
    kConstant,   // a number, True, False, None
    kString,     // text: between the quotes
    kAttribute,  // parts[0].text
    kCall,       // parts[0](parts[1:]...), keywords dropped
    kSubscript,  // parts[0][parts[1:]...]
    kTuple,
    kList,
    kDict,       // keys and values in turn
    kOperation,  // parts joined by operators; `text` is the first of them
    kTernary,    // parts[0] if parts[1] else parts[2]
    kSlice,      // what of a:b:c is there
  };
  Kind kind = Kind::kConstant;
  int line = 0;
  uint32_t first = 0;  // of its parts
  uint32_t count = 0;
  std::string_view text = {};
};

struct ScriptStatement {
  enum class Kind : uint8_t {
    kExpression,  // exprs[0]; `return`, `raise`, `assert` and `del` are too
    kAssign,      // exprs[:-1] = exprs[-1], in turn; `type`: x : type = value
    kAugmented,   // exprs[0] += exprs[1]
    kDeclare,     // exprs[0] : type
    kIf,          // exprs[0]
    kWhile,       // exprs[0]
    kFor,         // exprs[0] in exprs[1]
    kWith,        // exprs; `type`: the names after `as` in a tuple
    kNothing,     // pass, break, continue
  };
  Kind kind = Kind::kNothing;
  int line = 0;
  ExprId type = kNoExpr;
  std::vector<ExprId> exprs = {};
  std::vector<ScriptStatement> body = {};
  std::vector<ScriptStatement> otherwise = {};
};

struct ScriptParameter {
  std::string_view name;
  ExprId type = kNoExpr;
  ExprId value = kNoExpr;
};

struct ScriptFunction {
  std::string_view name;
  int line = 0;
  std::vector<ScriptParameter> parameters = {};
  ExprId returns = kNoExpr;
  std::vector<ScriptStatement> body = {};
};

struct ScriptField {
  std::string_view name;
  ExprId type = kNoExpr;   // none: of an Enum
  ExprId value = kNoExpr;  // none: of an object's attribute
};

struct ScriptClass {
  std::string_view name;
  std::string_view base = {};  // Module, NamedTuple, Enum, Interface, ModuleInterface or nothing
  int line = 0;
  std::vector<ScriptField> fields = {};
  std::vector<std::string_view> hooks = {};  // methods that run when forward() is called
  std::vector<ScriptFunction> methods = {};
};

struct ScriptFile {
  std::vector<ScriptClass> classes = {};
  std::vector<ScriptFunction> functions = {};
  std::vector<ScriptExpr> exprs = {};
  std::vector<ExprId> parts = {};

  const ScriptExpr& at(ExprId id) const { return exprs[id]; }
  std::span<const ExprId> parts_of(ExprId id) const {
    return std::span(parts).subspan(exprs[id].first, exprs[id].count);
  }
};

// `code` outlives the result. Refuses more than `max_exprs` expressions.
Result<ScriptFile> parse_script(std::string_view code, size_t max_exprs);

}  // namespace onnxport::read
