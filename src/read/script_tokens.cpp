#include "read/script_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace onnxport::read {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

constexpr std::array kKeywords = std::to_array<std::string_view>(
    {"and",    "as",    "assert", "break",    "class",   "continue", "def",    "del",
     "elif",   "else",  "for",    "global",   "if",      "in",       "import", "is",
     "lambda", "not",   "or",     "pass",     "raise",   "return",   "while",  "with",
     "True",   "False", "None",   "NoneType", "Ellipsis"});

constexpr std::array kSymbols = std::to_array<std::string_view>(
    {"...", "**=", "<<=", ">>=", "//", "**", "<<", ">>", "->", "==", "!=", "<=", ">=", "+=", "-=",
     "*=",  "/=",  "%=",  "|=",  "&=", "^=", "+",  "-",  "*",  "/",  "%",  "@",  "=",  "<",  ">",
     "(",   ")",   "[",   "]",   "{",  "}",  ",",  ":",  ".",  "&",  "|",  "^",  "~"});

}  // namespace

Error ScriptTokens::wrong(const std::string& what) const {
  return Error{what, fmt::format("line {}", line_)};
}

ScriptToken ScriptTokens::take(TokenKind kind, size_t length) {
  ScriptToken token{kind, line_, code_.substr(position_, length)};
  position_ += length;
  return token;
}

// Blanks, and a comment up to its line's end.
Status ScriptTokens::skip_blank() {
  while (at(0) == ' ') ++position_;
  if (at(0) != '#') return {};
  if (code_.substr(position_).starts_with("# type:")) {
    return wrong("declares types in a comment, which torch.jit.save does not write");
  }
  position_ = std::min(code_.find('\n', position_), code_.size());
  return {};
}

Result<ScriptToken> ScriptTokens::next() {
  if (line_start_ && brackets_ == 0) {
    TRY_ASSIGN(ScriptToken moved, indentation());
    if (moved.kind != TokenKind::kName) return moved;
  }
  TRY(skip_blank());
  while (brackets_ > 0 && at(0) == '\n') {
    ++position_;
    ++line_;
    TRY(skip_blank());
  }
  if (position_ >= code_.size()) {
    if (brackets_ > 0) return wrong("ends inside a bracket");
    if (!line_start_) {  // the last line has no end of its own
      line_start_ = true;
      return ScriptToken{TokenKind::kNewline, line_, {}};
    }
    return ScriptToken{TokenKind::kEnd, line_, {}};
  }
  if (at(0) == '\n') {
    ScriptToken end = take(TokenKind::kNewline, 1);
    ++line_;
    line_start_ = true;
    return end;
  }
  line_start_ = false;
  return token();
}

// kName: nothing to hand out, the line begins where the one before it did.
Result<ScriptToken> ScriptTokens::indentation() {
  size_t width = 0;
  while (true) {  // empty lines have no indentation
    const size_t start = position_;
    TRY(skip_blank());
    width = code_.find_first_not_of(' ', start);
    width = std::min(width, code_.size()) - start;
    if (at(0) != '\n') break;
    ++position_;
    ++line_;
  }
  if (position_ >= code_.size()) width = 0;
  if (width == indents_.back()) return ScriptToken{TokenKind::kName, line_, {}};
  position_ -= width;  // the next call looks at this line again
  if (width > indents_.back()) {
    indents_.push_back(width);
    if (indents_.size() > kMaxScriptNesting) return wrong("is nested too deep");
    return ScriptToken{TokenKind::kIndent, line_, {}};
  }
  indents_.pop_back();
  if (width > indents_.back()) return wrong("is indented as no line before it");
  return ScriptToken{TokenKind::kDedent, line_, {}};
}

Result<ScriptToken> ScriptTokens::token() {
  const char c = at(0);
  if (c == '"' || c == '\'') return string();
  if (is_digit(c) || (c == '.' && is_digit(at(1)))) return number();
  if (is_letter(c)) return word();
  return symbol();
}

Result<ScriptToken> ScriptTokens::number() {
  size_t end = 0;
  while (is_digit(at(end))) ++end;
  if (at(end) == '.') ++end;
  while (is_digit(at(end))) ++end;
  if (at(end) == 'e' || at(end) == 'E') {
    const size_t digits = at(end + 1) == '-' || at(end + 1) == '+' ? end + 2 : end + 1;
    if (!is_digit(at(digits))) return wrong("has a number that is not one");
    end = digits;
    while (is_digit(at(end))) ++end;
  }
  if (at(end) == 'j') ++end;
  if (is_letter(at(end)) || is_digit(at(end)) || at(end) == '.') {
    return wrong("has a number that is not one");
  }
  return take(TokenKind::kNumber, end);
}

Result<ScriptToken> ScriptTokens::string() {
  const char quote = at(0);
  if (at(1) == quote && at(2) == quote) {
    return wrong("has a string in triple quotes, which torch.jit.save does not write");
  }
  size_t end = 1;
  while (at(end) != quote) {
    if (position_ + end >= code_.size() || at(end) == '\n') {
      return wrong("has a string that does not end");
    }
    if (at(end) == '\\' && at(end + 1) == '\n') {
      return wrong("has a string over two lines, which torch.jit.save does not write");
    }
    end += at(end) == '\\' ? 2 : 1;
  }
  ScriptToken token = take(TokenKind::kString, end + 1);
  token.text = token.text.substr(1, end - 1);
  return token;
}

// libtorch's lexer takes `is not` and `not in` for one token each, whatever letters follow: what is
// `not input` to a reader of Python is `not in put` to it.
Result<ScriptToken> ScriptTokens::word() {
  size_t end = 0;
  while (is_letter(at(end)) || is_digit(at(end))) ++end;
  const std::string_view word = code_.substr(position_, end);
  const std::string_view second = word == "is" ? " not" : word == "not" ? " in" : "";
  const char after = at(end + second.size());
  if (!second.empty() && code_.substr(position_ + end).starts_with(second) &&
      (is_letter(after) || is_digit(after))) {
    return wrong(fmt::format(
        "has `{}{}` at the start of a name, which torch.jit.save does not write", word, second));
  }
  const bool keyword = std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
  return take(keyword ? TokenKind::kKeyword : TokenKind::kName, end);
}

Result<ScriptToken> ScriptTokens::symbol() {
  const std::string_view rest = code_.substr(position_, 3);
  for (std::string_view symbol : kSymbols) {
    if (!rest.starts_with(symbol)) continue;
    if (std::string_view("([{").find(symbol) != std::string_view::npos) ++brackets_;
    if (std::string_view(")]}").find(symbol) != std::string_view::npos) {
      if (--brackets_ < 0) return wrong("closes a bracket that is not open");
    }
    if (brackets_ > kMaxScriptNesting) return wrong("is nested too deep");
    return take(TokenKind::kSymbol, symbol.size());
  }
  const auto c = static_cast<unsigned char>(at(0));
  if (c == '\\') return wrong("continues a line, which torch.jit.save does not write");
  if (c > ' ' && c < 0x7f)
    return wrong(fmt::format("has a `{}`, which has no meaning here", at(0)));
  return wrong(fmt::format("has the byte {:#04x} outside of a string", c));
}

}  // namespace onnxport::read
