#include "aten/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <limits>

namespace onnxport::aten {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

struct TypeText {
  std::string type;
  std::string alias_set;
  bool written = false;
};

// One left-to-right pass; no recursion, every loop consumes or fails.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Schema> run() {
    Schema schema;
    TRY(operator_name(schema));
    TRY(expect("("));
    TRY(parameters(schema));
    TRY(expect("->"));
    TRY(returns(schema));
    skip_space();
    if (at_ != text_.size()) return fail("unexpected text after the return type");
    return schema;
  }

 private:
  Error fail(const std::string& why) const {
    return Error{fmt::format("{} at column {} of the schema `{}`", why, at_ + 1, text_), ""};
  }
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool accept(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  Status expect(std::string_view token) {
    if (accept(token)) return {};
    return fail(fmt::format("expected `{}`", token));
  }
  std::string word() {
    skip_space();
    size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  Status operator_name(Schema& schema) {
    skip_space();
    size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return fail("expected `(`");
    std::string_view full = text_.substr(at_, open - at_);
    size_t colons = full.find("::");
    if (colons == std::string_view::npos) return fail("an operator is named `namespace::name`");
    size_t dot = full.find('.', colons);
    schema.name = std::string(full.substr(0, dot));
    if (dot != std::string_view::npos) schema.overload = std::string(full.substr(dot + 1));
    if (colons + 2 == schema.name.size()) return fail("the operator has no name");
    at_ = open;
    return {};
  }

  Status parameters(Schema& schema) {
    bool keyword_only = false;
    if (accept(")")) return {};
    do {
      if (accept("...")) continue;
      if (accept("*")) {
        keyword_only = true;
        continue;
      }
      TRY_ASSIGN(TypeText type, this->type());
      SchemaParam param;
      param.type = type.type;
      param.alias_set = type.alias_set;
      param.written = type.written;
      param.keyword_only = keyword_only;
      param.name = word();
      if (param.name.empty()) return fail("expected a parameter name");
      if (accept("=")) {
        TRY_ASSIGN(param.default_value, default_value(param.type));
      }
      schema.params.push_back(std::move(param));
    } while (accept(","));
    return expect(")");
  }

  Status returns(Schema& schema) {
    if (!accept("(")) return one_return(schema);
    if (accept(")")) return {};
    do {
      if (accept("...")) continue;
      TRY(one_return(schema));
    } while (accept(","));
    return expect(")");
  }

  Status one_return(Schema& schema) {
    TRY_ASSIGN(TypeText type, this->type());
    word();  // a returned value may have a name; nothing needs it
    schema.returns.push_back({type.type, type.alias_set, type.written});
    return {};
  }

  // Word, then any of: (alias), (inner types), [N], ?. Inner types are kept as written.
  Result<TypeText> type() {
    TypeText out;
    skip_space();
    out.type = word();
    if (out.type.empty()) {
      if (!accept("(")) return fail("expected a type");
      TRY(inner_types(out.type));  // a tuple type
    }
    for (;;) {
      if (accept("?")) {
        out.type += '?';
      } else if (accept("[")) {
        out.type += "[" + word() + "]";
        TRY(expect("]"));
      } else if (accept("(")) {
        if (out.type == "Tensor" || out.type == "Tensor?" || out.type == "Tensor[]" ||
            out.type == "t" || out.type == "t[]") {
          TRY(alias(out));
        } else {
          TRY(inner_types(out.type));
        }
      } else {
        return out;
      }
    }
  }

  Status alias(TypeText& out) {
    size_t close = text_.find(')', at_);
    if (close == std::string_view::npos) return fail("the alias annotation is not closed");
    std::string_view inside = text_.substr(at_, close - at_);
    at_ = close + 1;
    out.written = inside.find('!') != std::string_view::npos;
    size_t end = inside.find_first_of("! -");
    out.alias_set = std::string(inside.substr(0, end));
    return {};
  }

  Status inner_types(std::string& type) {
    int depth = 1;
    type += '(';
    while (at_ < text_.size() && depth > 0) {
      char c = text_[at_++];
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      type += c;
    }
    if (depth > 0) return fail("a parenthesis is not closed");
    return {};
  }

  Result<std::optional<Arg>> default_value(const std::string& type) {
    if (accept("{}")) return std::optional<Arg>(Arg(ArgList{}));
    if (accept("[")) return list_value(type);
    TRY_ASSIGN(Arg value, scalar_value(type));
    return std::optional<Arg>(std::move(value));
  }

  Result<std::optional<Arg>> list_value(const std::string& type) {
    ArgList list;
    if (accept("]")) return std::optional<Arg>(Arg(std::move(list)));
    do {
      TRY_ASSIGN(Arg value, scalar_value(type));
      list.push_back(std::move(value));
    } while (accept(","));
    TRY(expect("]"));
    return std::optional<Arg>(Arg(std::move(list)));
  }

  Result<Arg> scalar_value(const std::string& type) {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return string_value();
    size_t start = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '-' || text_[at_] == '+')) {
      ++at_;
    }
    return literal(std::string(text_.substr(start, at_ - start)), type);
  }

  Result<Arg> string_value() {
    char quote = text_[at_];
    size_t close = text_.find(quote, at_ + 1);
    if (close == std::string_view::npos) return fail("a string is not closed");
    Arg out(std::string(text_.substr(at_ + 1, close - at_ - 1)));
    at_ = close + 1;
    return out;
  }

  Result<Arg> literal(const std::string& text, const std::string& type) {
    if (text.empty()) return fail("expected a default value");
    if (text == "None") return Arg();
    if (text == "True") return Arg(true);
    if (text == "False") return Arg(false);
    if (text == "Mean") return Arg(Expr(1));  // at::Reduction, as native_functions.yaml spells it
    if (text == "Sum") return Arg(Expr(2));
    if (type.starts_with("MemoryFormat")) return Arg(Word{Word::Kind::kMemoryFormat, text});
    if (type.starts_with("Layout")) return Arg(Word{Word::Kind::kLayout, text});
    if (type.starts_with("Device")) return Arg(Word{Word::Kind::kDevice, text});
    const bool floating = type.starts_with("float");
    int64_t integer = 0;
    const char* end = text.data() + text.size();
    if (auto r = std::from_chars(text.data(), end, integer); r.ec == std::errc() && r.ptr == end) {
      return floating ? Arg(static_cast<double>(integer)) : Arg(Expr(integer));
    }
    char* stop = nullptr;
    double value = std::strtod(text.c_str(), &stop);
    if (stop == text.c_str() + text.size()) return Arg(value);
    if (type.starts_with("ScalarType") || type.starts_with("str")) return Arg(text);
    return fail("cannot read the default value `" + text + "`");
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The repeat count of a list type: 2 for "int[2]", -1 for "int[]", nullopt for no list of numbers.
std::optional<int> list_size(const std::string& type) {
  if (!type.starts_with("int[") && !type.starts_with("SymInt[") && !type.starts_with("float[") &&
      !type.starts_with("bool[")) {
    return std::nullopt;
  }
  size_t open = type.find('[');
  if (type[open + 1] == ']') return -1;
  return std::atoi(type.c_str() + open + 1);
}

// Values as the parameter's type wants them: `1` for a float is 1.0, `1` for an int[2] is [1, 1].
Arg fit(const SchemaParam& param, Arg arg) {
  if (auto size = list_size(param.type);
      size && !arg.is_none() && arg.as<ArgList>() == nullptr && arg.as<ValueId>() == nullptr) {
    return Arg(ArgList(static_cast<size_t>(*size < 0 ? 1 : *size), arg));
  }
  if (param.type.starts_with("float") && param.type.find('[') == std::string::npos) {
    if (const auto* e = arg.as<Expr>(); e != nullptr && e->is_const()) {
      return Arg(static_cast<double>(e->value()));
    }
  }
  return arg;
}

}  // namespace

bool Schema::mutates() const {
  for (const SchemaParam& param : params) {
    if (param.written) return true;
  }
  return false;
}

Result<Schema> parse_schema(std::string_view text) { return Parser(text).run(); }

bool accepts(std::string_view type, const Arg& arg) {
  const auto* id = arg.as<ValueId>();
  const bool none = arg.is_none() || (id != nullptr && !id->valid());
  if (type.ends_with('?')) return none || accepts(type.substr(0, type.size() - 1), arg);
  if (none) return false;
  if (type.ends_with(']')) {
    const auto* list = arg.as<ArgList>();
    const std::string_view element = type.substr(0, type.rfind('['));
    return list != nullptr && std::all_of(list->begin(), list->end(),
                                          [&](const Arg& e) { return accepts(element, e); });
  }
  const bool integer = arg.as<Expr>() != nullptr || arg.as<bool>() != nullptr;
  const bool number = integer || arg.as<double>() != nullptr;
  if (type == "Tensor" || type == "Scalar" || type == "float") return id != nullptr || number;
  if (type == "int" || type == "SymInt" || type == "bool") return id != nullptr || integer;
  if (type == "str") return arg.as<std::string>() != nullptr;
  if (type == "ScalarType") return arg.as<DType>() != nullptr;
  if (type == "Device" || type == "Layout" || type == "MemoryFormat" || type == "Generator") {
    return arg.as<Word>() != nullptr;
  }
  return true;
}

Result<std::vector<Arg>> bind(const Schema& schema, const std::vector<NamedArg>& given) {
  std::vector<const Arg*> slots(schema.params.size(), nullptr);
  size_t next_positional = 0;
  for (const NamedArg& named : given) {
    size_t i = 0;
    if (named.name.empty()) {
      i = next_positional++;
      if (i >= slots.size() || schema.params[i].keyword_only) {
        return Error{fmt::format("{} takes {} positional arguments, {} or more are given",
                                 schema.full_name(), i, i + 1),
                     ""};
      }
    } else {
      while (i < slots.size() && schema.params[i].name != named.name) ++i;
      if (i == slots.size()) {
        return Error{fmt::format("{} has no parameter `{}`", schema.full_name(), named.name), ""};
      }
    }
    if (slots[i] != nullptr) {
      return Error{fmt::format("argument `{}` of {} is given twice", schema.params[i].name,
                               schema.full_name()),
                   ""};
    }
    slots[i] = &named.arg;
  }
  std::vector<Arg> out;
  out.reserve(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    const SchemaParam& param = schema.params[i];
    if (slots[i] == nullptr && !param.default_value) {
      return Error{fmt::format("argument `{}` of {} is missing", param.name, schema.full_name()),
                   ""};
    }
    out.push_back(fit(param, slots[i] != nullptr ? *slots[i] : *param.default_value));
  }
  return out;
}

}  // namespace onnxport::aten
