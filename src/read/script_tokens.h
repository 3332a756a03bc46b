// The tokens of the code in a TorchScript archive: the part of Python that torch.jit.save writes,
// cut as libtorch's lexer cuts it. What libtorch would cut, but torch.jit.save never writes
// (triple quotes, continued lines, tabs, comments that declare types), is refused: what two
// readers could understand differently does not come in.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace onnxport::read {

enum class TokenKind : uint8_t {
  kName,
  kKeyword,
  kNumber,
  kString,  // `text` is what stands between the quotes, escapes as they are written
  kSymbol,
  kNewline,
  kIndent,
  kDedent,
  kEnd,
};

struct ScriptToken {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string_view text = {};

  bool is(std::string_view symbol_or_keyword) const {
    return (kind == TokenKind::kSymbol || kind == TokenKind::kKeyword) && text == symbol_or_keyword;
  }
};

// Hands out one token after the other; `code` outlives it.
class ScriptTokens {
 public:
  explicit ScriptTokens(std::string_view code) : code_(code) {}

  // Between brackets, lines and indentation do not count. Refuses brackets or blocks that nest
  // deeper than kMaxScriptNesting.
  Result<ScriptToken> next();

 private:
  Result<ScriptToken> indentation();
  Result<ScriptToken> token();
  Result<ScriptToken> number();
  Result<ScriptToken> string();
  Result<ScriptToken> word();
  Result<ScriptToken> symbol();
  Status skip_blank();
  char at(size_t offset) const {
    return position_ + offset < code_.size() ? code_[position_ + offset] : '\0';
  }
  ScriptToken take(TokenKind kind, size_t length);
  Error wrong(const std::string& what) const;

  std::string_view code_;
  size_t position_ = 0;
  int line_ = 1;
  int brackets_ = 0;
  bool line_start_ = true;
  std::vector<size_t> indents_ = {0};
};

constexpr int kMaxScriptNesting = 200;  // of brackets, of blocks: libtorch's parser recurses

}  // namespace onnxport::read
