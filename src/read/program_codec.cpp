#include "read/program_codec.h"

#include <unordered_map>
#include <utility>

#include "formats/slice.h"
#include "sandbox/message.h"

namespace onnxport::read {
namespace {

using aten::Arg;
using aten::ArgList;
using aten::Block;
using aten::Input;
using aten::NamedArg;
using aten::Node;
using aten::Output;
using aten::Program;
using aten::Value;
using aten::ValueId;
using aten::Weight;
using aten::Word;
using sandbox::MessageReader;
using sandbox::MessageWriter;

// Nobody nests sizes, lists or blocks deeper; a reader that is made to would run out of stack.
constexpr int kMaxDepth = 200;

enum class ExprKind { kConstant, kTerms };
// As in Arg's variant.
enum class ArgKind { kNone, kValue, kExpr, kReal, kBool, kText, kType, kWord, kList };
enum class StorageKind { kFile, kBytes };

class Encoder {
 public:
  explicit Encoder(const Storage& file) : file_(file.view()) {}

  std::string encode(const Program& p) {
    list(p.values, [&](const Value& v) { value(v); });
    nodes(p.nodes);
    list(p.weights, [&](const Weight& w) { weight(w); });
    list(p.inputs, [&](const Input& i) { named(i.value, i.name); });
    list(p.outputs, [&](const Output& o) { named(o.value, o.name); });
    list(p.ranges, [&](const auto& entry) {
      out_.text(entry.first);
      out_.number(entry.second.min);
      out_.number(entry.second.max);
    });
    list(p.examples, [&](const auto& entry) {
      out_.text(entry.first);
      out_.number(entry.second);
    });
    list(p.notes, [&](const std::string& note) { out_.text(note); });
    out_.number(p.takes_list ? 1 : 0);
    out_.text(p.source_file);
    out_.text(p.producer);
    return out_.take();
  }

 private:
  template <typename List, typename F>
  void list(const List& items, F each) {
    out_.number(static_cast<int64_t>(items.size()));
    for (const auto& item : items) each(item);
  }

  template <typename Kind>
  void kind(Kind k) {
    out_.number(static_cast<int64_t>(k));
  }

  void named(ValueId id, const std::string& name) {
    out_.number(id.index);
    out_.text(name);
  }

  void expr(const Expr& e) {
    if (e.is_const()) {
      kind(ExprKind::kConstant);
      return out_.number(e.value());
    }
    kind(ExprKind::kTerms);
    list(e.terms(), [&](const Expr::Term& term) {
      out_.number(term.coefficient);
      list(term.factors, [&](const Expr::Factor& factor) {
        kind(factor.op);
        if (factor.op == Expr::Op::kSymbol) return out_.text(factor.symbol);
        for (const Expr& arg : factor.args) expr(arg);
      });
    });
  }

  void shape(const std::optional<Shape>& s) {
    out_.number(s ? 1 : 0);
    if (s) list(*s, [&](const Expr& size) { expr(size); });
  }

  void value(const Value& v) {
    out_.text(v.name);
    kind(v.kind);
    kind(v.dtype);
    shape(v.shape);
    shape(v.strides);
    out_.number(v.scalar ? 1 : 0);
    if (v.scalar) expr(*v.scalar);
  }

  void arg(const Arg& a) {
    out_.number(static_cast<int64_t>(a.v.index()));
    if (const auto* id = a.as<ValueId>()) out_.number(id->index);
    if (const auto* e = a.as<Expr>()) expr(*e);
    if (const auto* real = a.as<double>()) out_.real(*real);
    if (const auto* flag = a.as<bool>()) out_.number(*flag ? 1 : 0);
    if (const auto* text = a.as<std::string>()) out_.text(*text);
    if (const auto* type = a.as<DType>()) kind(*type);
    if (const auto* word = a.as<Word>()) {
      kind(word->kind);
      out_.text(word->text);
    }
    if (const auto* items = a.as<ArgList>()) list(*items, [&](const Arg& item) { arg(item); });
  }

  void ids(const std::vector<ValueId>& values) {
    list(values, [&](ValueId id) { out_.number(id.index); });
  }

  void nodes(const std::vector<Node>& all) {
    list(all, [&](const Node& n) {
      out_.text(n.op);
      out_.text(n.overload);
      list(n.args, [&](const NamedArg& a) {
        out_.text(a.name);
        arg(a.arg);
      });
      ids(n.outputs);
      out_.text(n.module_path);
      out_.text(n.module_type);
      out_.text(n.source);
      list(n.blocks, [&](const Block& b) {
        ids(b.inputs);
        nodes(b.nodes);
        list(b.outputs, [&](const Arg& a) { arg(a); });
      });
    });
  }

  void weight(const Weight& w) {
    named(w.value, w.fqn);
    kind(w.tensor.dtype);
    list(w.tensor.dims, [&](int64_t size) { out_.number(size); });
    list(w.tensor.strings, [&](const std::string& text) { out_.text(text); });
    storage(w.tensor.storage);
  }

  // -1: none; the number of one that was told before; the next number, and what it is.
  void storage(const std::shared_ptr<const Storage>& s) {
    if (s == nullptr) return out_.number(-1);
    const auto [known, is_new] = storages_.emplace(s.get(), storages_.size());
    out_.number(static_cast<int64_t>(known->second));
    if (!is_new) return;
    const std::span<const std::byte> bytes = s->view();
    if (!bytes.empty() && bytes.data() >= file_.data() &&
        bytes.data() + bytes.size() <= file_.data() + file_.size()) {
      kind(StorageKind::kFile);
      out_.number(bytes.data() - file_.data());
      return out_.number(static_cast<int64_t>(bytes.size()));
    }
    kind(StorageKind::kBytes);
    std::string copy(s->size(), '\0');
    s->read(0, std::as_writable_bytes(std::span(copy)));
    out_.text(copy);
  }

  std::span<const std::byte> file_;
  MessageWriter out_;
  std::unordered_map<const Storage*, size_t> storages_;
};

class Decoder {
 public:
  Decoder(std::string_view bytes, const std::shared_ptr<const Storage>& file)
      : in_(bytes), file_(file) {}

  Result<Program> decode() {
    Program p;
    TRY(list(p.values, [&](Value& v) { return value(v); }));
    TRY(nodes(p.nodes, 0));
    TRY(list(p.weights, [&](Weight& w) { return weight(w); }));
    TRY(list(p.inputs, [&](Input& i) { return named(i.value, i.name); }));
    TRY(list(p.outputs, [&](Output& o) { return named(o.value, o.name); }));
    TRY(ranges(p));
    TRY(list(p.notes, [&](std::string& note) { return text(note); }));
    TRY_ASSIGN(p.takes_list, flag());
    TRY(text(p.source_file));
    TRY(text(p.producer));
    if (!in_.done()) return MessageReader::nonsense();
    return p;
  }

 private:
  template <typename T, typename F>
  Status list(std::vector<T>& out, F each) {
    TRY_ASSIGN(const size_t count, in_.count());
    for (size_t i = 0; i < count; ++i) TRY(each(out.emplace_back()));
    return {};
  }

  template <typename Kind>
  Status kind(Kind& out, Kind last) {
    TRY_ASSIGN(const int64_t number, in_.number(0, static_cast<int64_t>(last)));
    out = static_cast<Kind>(number);
    return {};
  }

  Result<bool> flag() {
    TRY_ASSIGN(const int64_t number, in_.number(0, 1));
    return number == 1;
  }

  Status text(std::string& out) {
    TRY_ASSIGN(out, in_.text());
    return {};
  }

  Status id(ValueId& out) {
    TRY_ASSIGN(const int64_t index, in_.number(-1, INT32_MAX));
    out.index = static_cast<int32_t>(index);
    return {};
  }

  Status named(ValueId& value, std::string& name) {
    TRY(id(value));
    return text(name);
  }

  Status ranges(Program& p) {
    TRY_ASSIGN(const size_t ranges, in_.count());
    for (size_t i = 0; i < ranges; ++i) {
      std::string symbol;
      TRY(text(symbol));
      Range& range = p.ranges[symbol];
      TRY_ASSIGN(range.min, in_.number());
      TRY_ASSIGN(range.max, in_.number());
    }
    TRY_ASSIGN(const size_t examples, in_.count());
    for (size_t i = 0; i < examples; ++i) {
      std::string symbol;
      TRY(text(symbol));
      TRY_ASSIGN(p.examples[symbol], in_.number());
    }
    return {};
  }

  Result<Expr> expr(int depth) {
    if (depth > kMaxDepth) return MessageReader::nonsense();
    ExprKind what{};
    TRY(kind(what, ExprKind::kTerms));
    if (what == ExprKind::kConstant) {
      TRY_ASSIGN(const int64_t value, in_.number());
      return Expr(value);
    }
    Expr sum;
    TRY_ASSIGN(const size_t terms, in_.count());
    for (size_t i = 0; i < terms; ++i) {
      TRY_ASSIGN(const int64_t coefficient, in_.number());
      Expr term(coefficient);
      TRY_ASSIGN(const size_t factors, in_.count());
      for (size_t k = 0; k < factors; ++k) {
        TRY_ASSIGN(const Expr factor, this->factor(depth + 1));
        term *= factor;
      }
      sum += term;
    }
    return sum;
  }

  Result<Expr> factor(int depth) {
    Expr::Op op{};
    TRY(kind(op, Expr::Op::kMin));
    if (op == Expr::Op::kSymbol) {
      TRY_ASSIGN(const std::string_view symbol, in_.text());
      return Expr::symbol(symbol);
    }
    TRY_ASSIGN(const Expr a, expr(depth));
    TRY_ASSIGN(const Expr b, expr(depth));
    if (op == Expr::Op::kFloorDiv) return floordiv(a, b);
    if (op == Expr::Op::kMod) return mod(a, b);
    return op == Expr::Op::kMax ? max(a, b) : min(a, b);
  }

  Status shape(std::optional<Shape>& out) {
    TRY_ASSIGN(const bool known, flag());
    if (!known) return {};
    return list(out.emplace(), [&](Expr& size) -> Status {
      TRY_ASSIGN(size, expr(0));
      return {};
    });
  }

  Status value(Value& v) {
    TRY(text(v.name));
    TRY(kind(v.kind, Value::Kind::kScalar));
    TRY(kind(v.dtype, DType::kFloat6E3M2));
    TRY(shape(v.shape));
    TRY(shape(v.strides));
    TRY_ASSIGN(const bool scalar, flag());
    if (scalar) {
      TRY_ASSIGN(v.scalar, expr(0));
    }
    return {};
  }

  Status arg(Arg& out, int depth) {
    if (depth > kMaxDepth) return MessageReader::nonsense();
    ArgKind what{};
    TRY(kind(what, ArgKind::kList));
    switch (what) {
      case ArgKind::kNone:
        return {};
      case ArgKind::kValue:
        return id(out.v.emplace<ValueId>());
      case ArgKind::kExpr: {
        TRY_ASSIGN(out.v.emplace<Expr>(), expr(0));
        return {};
      }
      case ArgKind::kReal: {
        TRY_ASSIGN(out.v.emplace<double>(), in_.real());
        return {};
      }
      case ArgKind::kBool: {
        TRY_ASSIGN(out.v.emplace<bool>(), flag());
        return {};
      }
      case ArgKind::kText:
        return text(out.v.emplace<std::string>());
      case ArgKind::kType:
        return kind(out.v.emplace<DType>(), DType::kFloat6E3M2);
      case ArgKind::kWord: {
        Word& word = out.v.emplace<Word>();
        TRY(kind(word.kind, Word::Kind::kGenerator));
        return text(word.text);
      }
      case ArgKind::kList:
        return list(out.v.emplace<ArgList>(), [&](Arg& item) { return arg(item, depth + 1); });
    }
    return MessageReader::nonsense();
  }

  Status ids(std::vector<ValueId>& out) {
    return list(out, [&](ValueId& value) { return id(value); });
  }

  Status nodes(std::vector<Node>& out, int depth) {
    if (depth > kMaxDepth) return MessageReader::nonsense();
    return list(out, [&](Node& n) -> Status {
      TRY(text(n.op));
      TRY(text(n.overload));
      TRY(list(n.args, [&](NamedArg& a) -> Status {
        TRY(text(a.name));
        return arg(a.arg, 0);
      }));
      TRY(ids(n.outputs));
      TRY(text(n.module_path));
      TRY(text(n.module_type));
      TRY(text(n.source));
      return list(n.blocks, [&](Block& b) -> Status {
        TRY(ids(b.inputs));
        TRY(nodes(b.nodes, depth + 1));
        return list(b.outputs, [&](Arg& a) { return arg(a, 0); });
      });
    });
  }

  Status weight(Weight& w) {
    TRY(named(w.value, w.fqn));
    Tensor& t = w.tensor;
    TRY(kind(t.dtype, DType::kFloat6E3M2));
    TRY(list(t.dims, [&](int64_t& size) -> Status {
      TRY_ASSIGN(size, in_.number());
      return {};
    }));
    TRY(list(t.strings, [&](std::string& s) { return text(s); }));
    TRY(storage(t.storage));
    TRY_ASSIGN(const size_t size, checked_nbytes(t.dtype, t.dims));
    const bool strings = t.dtype == DType::kString;
    if (strings && t.strings.size() != static_cast<size_t>(t.numel())) {
      return MessageReader::nonsense();
    }
    const size_t held = t.storage != nullptr ? t.storage->size() : 0;
    if (!strings && (bit_size(t.dtype) == 0 || t.storage == nullptr || held != size)) {
      return MessageReader::nonsense();
    }
    return {};
  }

  Status storage(std::shared_ptr<const Storage>& out) {
    TRY_ASSIGN(const int64_t number, in_.number(-1, static_cast<int64_t>(storages_.size())));
    if (number < 0) return {};
    const auto at = static_cast<size_t>(number);
    if (at == storages_.size()) {
      StorageKind what{};
      TRY(kind(what, StorageKind::kBytes));
      if (what == StorageKind::kFile) {
        TRY_ASSIGN(const int64_t offset, in_.number(0, INT64_MAX));
        TRY_ASSIGN(const int64_t size, in_.number(0, INT64_MAX));
        TRY_ASSIGN(auto view,
                   formats::slice(file_, static_cast<size_t>(offset), static_cast<size_t>(size)));
        storages_.push_back(std::move(view));
      } else {
        TRY_ASSIGN(const std::string_view bytes, in_.text());
        const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
        storages_.push_back(formats::owned({begin, begin + bytes.size()}));
      }
    }
    out = storages_[at];
    return {};
  }

  MessageReader in_;
  const std::shared_ptr<const Storage>& file_;
  std::vector<std::shared_ptr<const Storage>> storages_;
};

}  // namespace

std::string encode(const Program& program, const Storage& file) {
  return Encoder(file).encode(program);
}

Result<Program> decode(std::string_view bytes, const std::shared_ptr<const Storage>& file) {
  TRY_ASSIGN(Program program, Decoder(bytes, file).decode());
  TRY(aten::validate(program));
  return program;
}

}  // namespace onnxport::read
