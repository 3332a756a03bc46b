// Recursive descent. What recurses here recurses in libtorch's parser too, so that the limits of
// nesting (kMaxScriptNesting) and of operators in a statement hold for both.
#include "read/script_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "read/script_tokens.h"

namespace onnxport::read {

namespace {

using Expr = ScriptExpr;
using Statement = ScriptStatement;

constexpr size_t kMaxDepth = 1000;  // of an expression: each operator of a chain is one deeper

bool is_one_of(const ScriptToken& token, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return token.is(word); });
}

bool is_binary(const ScriptToken& token) {
  return is_one_of(token, {"+", "-",  "*",  "/", "//", "%", "@",  "**", "<<", ">>",  "&",  "|",
                           "^", "==", "!=", "<", "<=", ">", ">=", "is", "in", "and", "or", "not"});
}

bool is_augmented(const ScriptToken& token) {
  return is_one_of(token, {"+=", "-=", "*=", "/=", "%=", "**=", "|=", "&=", "^=", "<<=", ">>="});
}

class Parser {
 public:
  Parser(std::string_view code, size_t max_exprs) : tokens_(code), max_exprs_(max_exprs) {}

  Result<ScriptFile> file() {
    TRY(start());
    if (next_.kind == TokenKind::kName && next_.text == "op_version_set") TRY(skip_line());
    while (next_.kind != TokenKind::kEnd) {
      if (next_.is("import")) {
        TRY(skip_line());
      } else if (next_.is("class")) {
        TRY_ASSIGN(ScriptClass made, class_());
        file_.classes.push_back(std::move(made));
      } else {
        TRY_ASSIGN(ScriptFunction made, function());
        file_.functions.push_back(std::move(made));
      }
    }
    return std::move(file_);
  }

 private:
  // --- tokens -------------------------------------------------------------------------------
  Status start() {
    TRY_ASSIGN(next_, tokens_.next());
    TRY_ASSIGN(second_, tokens_.next());
    return {};
  }

  Status step() {
    next_ = second_;
    if (next_.kind == TokenKind::kEnd) return {};
    TRY_ASSIGN(second_, tokens_.next());
    return {};
  }

  Status skip_line() {
    while (next_.kind != TokenKind::kNewline && next_.kind != TokenKind::kEnd) TRY(step());
    return step();
  }

  Error wrong(const std::string& what, int line) const {
    return Error{what, fmt::format("line {}", line)};
  }

  Error unexpected(std::string_view wanted) const {
    const bool text = !next_.text.empty() && next_.kind != TokenKind::kNewline;
    return wrong(
        fmt::format("has {} where {} should be",
                    text ? fmt::format("`{}`", next_.text.substr(0, 40)) : "a line's end", wanted),
        next_.line);
  }

  Status expect(std::string_view symbol) {
    if (!next_.is(symbol)) return unexpected(fmt::format("`{}`", symbol));
    return step();
  }

  Status expect(TokenKind kind, std::string_view name) {
    if (next_.kind != kind) return unexpected(name);
    return step();
  }

  Result<std::string_view> name() {
    const std::string_view text = next_.text;
    TRY(expect(TokenKind::kName, "a name"));
    return text;
  }

  // --- expressions --------------------------------------------------------------------------
  Result<ExprId> add(Expr::Kind kind, int line, std::string_view text,
                     std::span<const ExprId> parts) {
    if (file_.exprs.size() >= max_exprs_) {
      return wrong(fmt::format("is larger than the {} expressions that are read", max_exprs_),
                   line);
    }
    size_t depth = kind == Expr::Kind::kOperation ? parts.size() : 1;
    size_t deepest = 0;
    for (ExprId part : parts) deepest = std::max<size_t>(deepest, depths_[part]);
    depth += deepest;
    if (depth > kMaxDepth) return too_deep(line);
    depths_.push_back(static_cast<uint16_t>(depth));
    file_.exprs.push_back({kind, line, static_cast<uint32_t>(file_.parts.size()),
                           static_cast<uint32_t>(parts.size()), text});
    file_.parts.insert(file_.parts.end(), parts.begin(), parts.end());
    return static_cast<ExprId>(file_.exprs.size() - 1);
  }

  Error too_deep(int line) const { return wrong("is nested too deep", line); }

  // a, b, c without brackets is a tuple.
  Result<ExprId> expression_or_tuple() {
    const int line = next_.line;
    TRY_ASSIGN(ExprId first, expression());
    if (!next_.is(",")) return first;
    std::vector<ExprId> parts = {first};
    while (next_.is(",")) {
      TRY(step());
      if (next_.kind == TokenKind::kNewline || is_one_of(next_, {"=", ")"})) break;
      TRY_ASSIGN(ExprId part, expression());
      parts.push_back(part);
    }
    return add(Expr::Kind::kTuple, line, {}, parts);
  }

  // Operands with operators between, then perhaps a choice between two. (`in_for`: what stands
  // before the `in` of a for.)
  Result<ExprId> expression(bool in_for = false) {
    if (++open_ > kMaxDepth) return too_deep(next_.line);
    auto made = chain(in_for);
    --open_;
    return made;
  }

  Result<ExprId> chain(bool in_for) {
    const int line = next_.line;
    std::vector<ExprId> operands;
    std::string_view op;
    TRY_ASSIGN(ExprId only, operand(op));
    operands.push_back(only);
    while (is_binary(next_) && !(in_for && next_.is("in"))) {
      const bool negated = next_.is("not");
      const bool identity = next_.is("is");
      if (op.empty()) op = next_.text;
      TRY(step());
      if (negated) TRY(expect("in"));
      if (identity && next_.is("not")) TRY(step());
      TRY_ASSIGN(ExprId part, operand(op));
      operands.push_back(part);
    }
    ExprId made = only;
    if (!op.empty()) {
      TRY_ASSIGN(made, add(Expr::Kind::kOperation, line, op, operands));
    }
    if (next_.is("for")) {
      return wrong("has a comprehension, which torch.jit.save does not write", next_.line);
    }
    if (!next_.is("if")) return made;
    TRY(step());
    TRY_ASSIGN(ExprId condition, expression());
    TRY(expect("else"));
    TRY_ASSIGN(ExprId otherwise, expression());
    return add(Expr::Kind::kTernary, line, {}, std::array{made, condition, otherwise});
  }

  // Signs, and what they stand before.
  Result<ExprId> operand(std::string_view& op) {
    while (is_one_of(next_, {"-", "~", "not"})) {
      // A number's sign is part of it.
      const bool sign = next_.is("-") && second_.kind == TokenKind::kNumber;
      if (!sign) {
        if (op.empty()) op = next_.text;
      }
      TRY(step());
    }
    TRY_ASSIGN(ExprId made, atom());
    while (true) {
      const int line = next_.line;
      if (next_.is(".")) {
        TRY(step());
        TRY_ASSIGN(std::string_view attribute, name());
        TRY_ASSIGN(made, add(Expr::Kind::kAttribute, line, attribute, std::array{made}));
      } else if (next_.is("(")) {
        TRY_ASSIGN(std::vector<ExprId> parts, call_arguments(made));
        TRY_ASSIGN(made, add(Expr::Kind::kCall, line, {}, parts));
      } else if (next_.is("[")) {
        TRY_ASSIGN(std::vector<ExprId> parts, subscripts(made));
        TRY_ASSIGN(made, add(Expr::Kind::kSubscript, line, {}, parts));
      } else {
        return made;
      }
    }
  }

  Result<ExprId> atom() {
    const ScriptToken token = next_;
    if (token.is("(")) return parenthesis();
    if (token.is("[")) {
      TRY_ASSIGN(std::vector<ExprId> parts, sequence("]", {}));
      return add(Expr::Kind::kList, token.line, {}, parts);
    }
    if (token.is("{")) return dict();
    if (token.kind == TokenKind::kString) return string();
    const bool constant =
        token.kind == TokenKind::kNumber ||
        is_one_of(token, {"True", "False", "None", "NoneType", "...", "Ellipsis"});
    if (!constant && token.kind != TokenKind::kName) return unexpected("an expression");
    TRY(step());
    return add(constant ? Expr::Kind::kConstant : Expr::Kind::kName, token.line, token.text, {});
  }

  Result<ExprId> parenthesis() {
    const int line = next_.line;
    TRY(step());
    if (next_.is(")")) {
      TRY(step());
      return add(Expr::Kind::kTuple, line, {}, {});
    }
    TRY_ASSIGN(ExprId inner, expression_or_tuple());
    TRY(expect(")"));
    return inner;
  }

  Result<ExprId> string() {
    const ScriptToken token = next_;
    TRY(step());
    if (next_.kind == TokenKind::kString) {
      return wrong("has two strings side by side, which torch.jit.save does not write", next_.line);
    }
    return add(Expr::Kind::kString, token.line, token.text, {});
  }

  Result<ExprId> dict() {
    const int line = next_.line;
    TRY(step());
    std::vector<ExprId> parts;
    while (!next_.is("}")) {
      TRY_ASSIGN(ExprId key, expression());
      TRY(expect(":"));
      TRY_ASSIGN(ExprId value, expression());
      parts.push_back(key);
      parts.push_back(value);
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect("}"));
    return add(Expr::Kind::kDict, line, {}, parts);
  }

  // From an opening bracket to `end`, after what `parts` holds already.
  Result<std::vector<ExprId>> sequence(std::string_view end, std::vector<ExprId> parts) {
    TRY(step());
    while (!next_.is(end)) {
      TRY_ASSIGN(ExprId part, expression());
      parts.push_back(part);
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect(end));
    return parts;
  }

  Result<std::vector<ExprId>> call_arguments(ExprId callee) {
    std::vector<ExprId> parts = {callee};
    TRY(step());
    while (!next_.is(")")) {
      if (next_.kind == TokenKind::kName && second_.is("=")) {
        TRY(step());
        TRY(step());
      }
      TRY_ASSIGN(ExprId part, expression());
      parts.push_back(part);
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect(")"));
    return parts;
  }

  Result<std::vector<ExprId>> subscripts(ExprId value) {
    std::vector<ExprId> parts = {value};
    TRY(step());
    while (!next_.is("]")) {
      TRY_ASSIGN(ExprId part, subscript());
      parts.push_back(part);
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect("]"));
    return parts;
  }

  Result<ExprId> subscript() {
    const int line = next_.line;
    std::vector<ExprId> bounds;
    bool slice = false;
    for (int colons = 0; colons < 3; ++colons) {
      if (!is_one_of(next_, {":", ",", "]"})) {
        TRY_ASSIGN(ExprId bound, expression());
        bounds.push_back(bound);
      }
      if (!next_.is(":")) break;
      slice = true;
      TRY(step());
    }
    if (slice) return add(Expr::Kind::kSlice, line, {}, bounds);
    if (bounds.empty()) return unexpected("an index");
    return bounds[0];
  }

  // --- statements ---------------------------------------------------------------------------
  Result<std::vector<Statement>> block() {
    TRY(expect(":"));
    TRY(expect(TokenKind::kNewline, "a line's end"));
    TRY(expect(TokenKind::kIndent, "an indented block"));
    std::vector<Statement> out;
    while (next_.kind != TokenKind::kDedent) {
      TRY_ASSIGN(Statement made, statement());
      out.push_back(std::move(made));
    }
    TRY(step());
    return out;
  }

  Result<Statement> statement() {
    Statement out;
    out.line = next_.line;
    if (next_.is("if")) return if_(0);
    if (next_.is("while")) return while_();
    if (next_.is("for")) return for_();
    if (next_.is("with")) return with();
    if (is_one_of(next_, {"def", "class", "global", "import", "lambda"})) {
      return wrong(fmt::format("has `{}` inside a function, which torch.jit.save does not write",
                               next_.text),
                   next_.line);
    }
    if (is_one_of(next_, {"pass", "break", "continue"})) {
      TRY(step());
    } else if (is_one_of(next_, {"return", "raise", "assert", "del"})) {
      TRY(step());
      out.kind = Statement::Kind::kExpression;
      if (next_.kind != TokenKind::kNewline) {
        TRY_ASSIGN(ExprId value, expression_or_tuple());
        out.exprs.push_back(value);
      }
    } else {
      TRY(assignment(out));
    }
    TRY(expect(TokenKind::kNewline, "a line's end"));
    return out;
  }

  Status assignment(Statement& out) {
    TRY_ASSIGN(ExprId first, expression_or_tuple());
    out.kind = Statement::Kind::kExpression;
    out.exprs.push_back(first);
    if (next_.is(":")) {
      TRY(step());
      TRY_ASSIGN(out.type, expression());
      out.kind = Statement::Kind::kDeclare;
    }
    if (is_augmented(next_)) {
      TRY(step());
      TRY_ASSIGN(ExprId value, expression_or_tuple());
      out.exprs.push_back(value);
      out.kind = Statement::Kind::kAugmented;
      return {};
    }
    while (next_.is("=")) {
      TRY(step());
      TRY_ASSIGN(ExprId value, expression_or_tuple());
      out.exprs.push_back(value);
      out.kind = Statement::Kind::kAssign;
    }
    return {};
  }

  // An `elif` is an `if` in the other branch: libtorch's parser recurses there.
  Result<Statement> if_(int chained) {
    Statement out;
    out.kind = Statement::Kind::kIf;
    out.line = next_.line;
    if (chained > kMaxScriptNesting) return too_deep(next_.line);
    TRY(step());
    TRY_ASSIGN(ExprId condition, expression());
    out.exprs.push_back(condition);
    TRY_ASSIGN(out.body, block());
    if (next_.is("elif")) {
      TRY_ASSIGN(Statement chain, if_(chained + 1));
      out.otherwise.push_back(std::move(chain));
    } else if (next_.is("else")) {
      TRY(step());
      TRY_ASSIGN(out.otherwise, block());
    }
    return out;
  }

  // The statement that begins with the word at hand.
  Result<Statement> begin(Statement::Kind kind) {
    Statement out;
    out.kind = kind;
    out.line = next_.line;
    TRY(step());
    return out;
  }

  Result<Statement> while_() {
    TRY_ASSIGN(Statement out, begin(Statement::Kind::kWhile));
    TRY_ASSIGN(ExprId condition, expression());
    out.exprs.push_back(condition);
    TRY_ASSIGN(out.body, block());
    return out;
  }

  Result<Statement> for_() {
    TRY_ASSIGN(Statement out, begin(Statement::Kind::kFor));
    const int line = next_.line;
    std::vector<ExprId> targets;
    while (!next_.is("in")) {
      TRY_ASSIGN(ExprId target, expression(/*in_for=*/true));
      targets.push_back(target);
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect("in"));
    if (targets.size() == 1) {
      out.exprs.push_back(targets[0]);
    } else {
      TRY_ASSIGN(ExprId tuple, add(Expr::Kind::kTuple, line, {}, targets));
      out.exprs.push_back(tuple);
    }
    TRY_ASSIGN(ExprId iterated, expression());
    out.exprs.push_back(iterated);
    TRY_ASSIGN(out.body, block());
    return out;
  }

  Result<Statement> with() {
    TRY_ASSIGN(Statement out, begin(Statement::Kind::kWith));
    std::vector<ExprId> names;
    while (true) {
      TRY_ASSIGN(ExprId entered, expression());
      out.exprs.push_back(entered);
      if (next_.is("as")) {
        TRY(step());
        const ScriptToken token = next_;
        TRY(expect(TokenKind::kName, "a name"));
        TRY_ASSIGN(ExprId bound, add(Expr::Kind::kName, token.line, token.text, {}));
        names.push_back(bound);
      }
      if (!next_.is(",")) break;
      TRY(step());
    }
    if (!names.empty()) {
      TRY_ASSIGN(out.type, add(Expr::Kind::kTuple, out.line, {}, names));
    }
    TRY_ASSIGN(out.body, block());
    return out;
  }

  // --- definitions --------------------------------------------------------------------------
  Result<ScriptFunction> function() {
    ScriptFunction out;
    out.line = next_.line;
    TRY(expect("def"));
    TRY_ASSIGN(out.name, name());
    TRY(expect("("));
    while (!next_.is(")")) {
      if (next_.is("*")) {
        TRY(step());  // what follows is given by name
      } else {
        TRY_ASSIGN(ScriptParameter parameter, this->parameter());
        out.parameters.push_back(parameter);
      }
      if (!next_.is(",")) break;
      TRY(step());
    }
    TRY(expect(")"));
    if (next_.is("->")) {
      TRY(step());
      TRY_ASSIGN(out.returns, expression());
    }
    TRY_ASSIGN(out.body, block());
    return out;
  }

  Result<ScriptParameter> parameter() {
    ScriptParameter out;
    TRY_ASSIGN(out.name, name());
    if (next_.is(":")) {
      TRY(step());
      TRY_ASSIGN(out.type, expression());
    }
    if (next_.is("=")) {
      TRY(step());
      TRY_ASSIGN(out.value, expression());
    }
    return out;
  }

  Result<ScriptClass> class_() {
    ScriptClass out;
    out.line = next_.line;
    TRY(step());
    TRY_ASSIGN(out.name, name());
    if (next_.is("(")) {
      TRY(step());
      TRY_ASSIGN(out.base, name());
      TRY(expect(")"));
    }
    TRY(expect(":"));
    TRY(expect(TokenKind::kNewline, "a line's end"));
    TRY(expect(TokenKind::kIndent, "an indented block"));
    while (next_.kind != TokenKind::kDedent) {
      if (next_.is("def")) {
        TRY_ASSIGN(ScriptFunction method, function());
        out.methods.push_back(std::move(method));
      } else if (next_.is("pass")) {
        TRY(skip_line());
      } else {
        TRY(field(out));
      }
    }
    TRY(step());
    return out;
  }

  // x : T          x : Final[T] = 3          __annotations__["0"] = T          RED = 1
  // __parameters__ = ["x", ]
  Status field(ScriptClass& out) {
    ScriptField made;
    const int line = next_.line;
    TRY_ASSIGN(made.name, name());
    const bool quoted = made.name == "__annotations__" && next_.is("[");
    if (quoted) {
      TRY(step());
      made.name = next_.text;
      TRY(expect(TokenKind::kString, "a string"));
      TRY(expect("]"));
      TRY(expect("="));
      TRY_ASSIGN(made.type, expression());
    } else {
      if (next_.is(":")) {
        TRY(step());
        TRY_ASSIGN(made.type, expression());
      }
      if (next_.is("=")) {
        TRY(step());
        TRY_ASSIGN(made.value, expression_or_tuple());
      }
    }
    TRY(expect(TokenKind::kNewline, "a line's end"));
    if (!quoted && made.type == kNoExpr && made.name.starts_with("__"))
      return list_of_names(out, made, line);
    out.fields.push_back(made);
    return {};
  }

  // __parameters__, __buffers__, __forward_hooks__, __forward_pre_hooks__, __annotations__ = []
  Status list_of_names(ScriptClass& out, const ScriptField& field, int line) {
    if (field.value == kNoExpr) return wrong("has a field without a type", line);
    const Expr& list = file_.at(field.value);
    const bool known = list.kind == Expr::Kind::kList || list.kind == Expr::Kind::kDict;
    if (!known) return wrong(fmt::format("sets `{}` to no list", field.name), line);
    for (ExprId part : file_.parts_of(field.value)) {
      const Expr& item = file_.at(part);
      if (item.kind != Expr::Kind::kString) {
        return wrong(fmt::format("has an entry of `{}` that is no name", field.name), line);
      }
      if (field.name.ends_with("hooks__")) out.hooks.push_back(item.text);
    }
    return {};
  }

  ScriptTokens tokens_;
  size_t max_exprs_;
  ScriptToken next_;
  ScriptToken second_;
  size_t open_ = 0;                    // expressions being read, one in the other
  std::vector<uint16_t> depths_ = {};  // of file_.exprs
  ScriptFile file_;
};

}  // namespace

Result<ScriptFile> parse_script(std::string_view code, size_t max_exprs) {
  return Parser(code, max_exprs).file();
}

}  // namespace onnxport::read
