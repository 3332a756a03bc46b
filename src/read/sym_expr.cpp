#include "read/sym_expr.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <vector>

namespace onnxport::read {

namespace {

constexpr int kMaxDepth = 200;

bool is_srepr(std::string_view text) {
  for (std::string_view head : {"Symbol(", "Integer(", "Dummy("}) {
    if (text.find(head) != std::string_view::npos) return true;
  }
  return false;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

class SreprReader {
 public:
  explicit SreprReader(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    TRY_ASSIGN(std::string out, expression(0));
    skip_space();
    if (at_ != text_.size()) return fail("unexpected text");
    return out;
  }

 private:
  Error fail(const std::string& why) const {
    return Error{fmt::format("{} at column {} of the size expression `{}`", why, at_ + 1, text_),
                 ""};
  }
  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view word() {
    skip_space();
    size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  // A call, a number or a quoted name. Depth-limited.
  Result<std::string> expression(int depth) {
    if (depth > kMaxDepth) return fail(fmt::format("nested deeper than {}", kMaxDepth));
    skip_space();
    if (at_ < text_.size() && text_[at_] == '\'') return quoted();
    bool negative = accept('-');
    std::string_view head = word();
    if (head.empty()) return fail("expected an expression");
    if (!accept('(')) return (negative ? "-" : "") + std::string(head);
    std::vector<std::string> args;
    while (!accept(')')) {
      TRY_ASSIGN(std::string arg, expression(depth + 1));
      if (accept('=')) {  // an assumption: positive=True, integer=True
        word();
      } else {
        args.push_back(std::move(arg));
      }
      if (accept(',')) continue;
      skip_space();
      if (at_ >= text_.size() || text_[at_] != ')') return fail("expected `,` or `)`");
    }
    return call(head, args);
  }

  Result<std::string> quoted() {
    size_t close = text_.find('\'', at_ + 1);
    if (close == std::string_view::npos) return fail("a name is not closed");
    std::string out(text_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 1;
    return out;
  }

  Result<std::string> call(std::string_view head, const std::vector<std::string>& args) {
    head = head.substr(head.rfind('.') == std::string_view::npos ? 0 : head.rfind('.') + 1);
    if ((head == "Symbol" || head == "Dummy" || head == "Integer" || head == "Float") &&
        !args.empty()) {
      return args[0];
    }
    if (head == "Add") return fmt::format("({})", fmt::join(args, " + "));
    if (head == "Mul") return fmt::format("({})", fmt::join(args, "*"));
    if (head == "Pow" && args.size() == 2) return fmt::format("({}**({}))", args[0], args[1]);
    if (head == "Rational" && args.size() == 2) return fmt::format("({}/{})", args[0], args[1]);
    return fmt::format("{}({})", head, fmt::join(args, ", "));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<std::string> srepr_to_algebra(std::string_view text) {
  if (!is_srepr(text)) return std::string(text);
  return SreprReader(text).run();
}

Result<Expr> parse_sym_expr(std::string_view text) {
  TRY_ASSIGN(std::string algebra, srepr_to_algebra(text));
  auto expr = Expr::parse(algebra);
  if (!expr.ok()) return std::move(expr).error().at(fmt::format("size expression `{}`", text));
  return expr;
}

}  // namespace onnxport::read
