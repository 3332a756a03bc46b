// PyTorch's rules (aten/src/ATen/native/TensorShape.cpp): most shape calls are always views;
// reshape, contiguous and to are views when nothing has to move, which recorded strides and types
// tell.
#include "read/view_ops.h"

#include <map>
#include <string_view>
#include <unordered_set>

namespace onnxport::read {

namespace {

using aten::Arg;
using aten::ArgList;
using aten::Node;
using aten::Program;
using aten::Value;
using aten::ValueId;
using Kind = ViewStep::Kind;
using Relation = Views::Relation;

// In row-major order without gaps, as far as sizes other than 1 go; nullopt when not recorded.
std::optional<bool> is_contiguous(const Value& value) {
  if (!value.shape || !value.strides || value.shape->size() != value.strides->size())
    return std::nullopt;
  Expr expected(1);
  for (size_t i = value.shape->size(); i-- > 0;) {
    const Expr& size = (*value.shape)[i];
    if (size.is_const(0)) return true;
    if (size.is_const(1)) continue;
    if ((*value.strides)[i] != expected) return false;
    expected *= size;
  }
  return true;
}

class Classifier {
 public:
  Classifier(const Program& program, const Node& node) : program_(program), node_(node) {}

  Views run() {
    if (node_.args.empty() || node_.outputs.empty()) return {};
    const auto* self = node_.args[0].arg.as<ValueId>();
    if (self == nullptr || !self->valid() || !node_.op.starts_with("aten::")) return {};
    base_ = &program_.value(*self);
    static const std::map<std::string_view, Views (Classifier::*)() const> kRules = {
        {"alias", &Classifier::alias},
        {"detach", &Classifier::alias},
        {"lift_fresh", &Classifier::alias},
        {"positive", &Classifier::alias},
        {"view_as", &Classifier::reshape},
        {"unsqueeze", &Classifier::reshape},
        {"squeeze", &Classifier::reshape},
        {"unflatten", &Classifier::reshape},
        {"_reshape_alias", &Classifier::reshape},
        {"view", &Classifier::view},
        {"reshape", &Classifier::maybe_reshape},
        {"reshape_as", &Classifier::maybe_reshape},
        {"flatten", &Classifier::maybe_reshape},
        {"ravel", &Classifier::maybe_reshape},
        {"contiguous", &Classifier::contiguous},
        {"to", &Classifier::to},
        {"type_as", &Classifier::to},
        {"dropout", &Classifier::dropout},
        {"feature_dropout", &Classifier::dropout},
        {"alpha_dropout", &Classifier::dropout},
        {"feature_alpha_dropout", &Classifier::dropout},
        {"permute", &Classifier::permute},
        {"transpose", &Classifier::transpose},
        {"swapaxes", &Classifier::transpose},
        {"swapdims", &Classifier::transpose},
        {"t", &Classifier::reverse},
        {"numpy_T", &Classifier::reverse},
        {"mT", &Classifier::matrix_transpose},
        {"adjoint", &Classifier::matrix_transpose},
        {"movedim", &Classifier::movedim},
        {"moveaxis", &Classifier::movedim},
        {"select", &Classifier::select},
        {"slice", &Classifier::slice},
        {"narrow", &Classifier::narrow},
        {"chunk", &Classifier::pieces},
        {"split", &Classifier::pieces},
        {"split_with_sizes", &Classifier::pieces},
        {"tensor_split", &Classifier::pieces},
        {"unbind", &Classifier::unbind},
        {"diagonal", &Classifier::diagonal},
        {"expand", &Classifier::expand},
        {"expand_as", &Classifier::expand},
        {"broadcast_to", &Classifier::expand},
    };
    static const std::unordered_set<std::string_view> kOpaque = {
        "as_strided", "unfold",    "view_as_real", "view_as_complex",  "real",
        "imag",       "hsplit",    "vsplit",       "dsplit",           "_conj",
        "conj",       "_neg_view", "meshgrid",     "broadcast_tensors"};
    std::string_view name = std::string_view(node_.op).substr(6);
    if (auto it = kRules.find(name); it != kRules.end()) return (this->*it->second)();
    if (kOpaque.contains(name)) return all(Kind::kOpaque);
    return {};
  }

 private:
  const Value& output(size_t i = 0) const { return program_.value(node_.outputs[i]); }
  size_t rank() const { return base_->shape ? base_->shape->size() : 0; }

  Views one(ViewStep step) const { return {Relation::kView, {std::move(step)}}; }
  Views one(Kind kind) const {
    ViewStep step;
    step.kind = kind;
    return one(std::move(step));
  }
  Views all(Kind kind) const {
    Views out{Relation::kView, {}};
    out.steps.resize(node_.outputs.size());
    for (ViewStep& step : out.steps) step.kind = kind;
    return out;
  }
  static Views unclear() { return {Relation::kUnclear, {}}; }
  static Views fresh() { return {}; }

  std::optional<int64_t> int_arg(std::string_view name) const {
    const Arg* arg = node_.arg(name);
    const auto* e = arg == nullptr ? nullptr : arg->as<Expr>();
    return e == nullptr ? std::nullopt : e->as_const();
  }
  // A dimension, counted from the front.
  std::optional<int64_t> dim_arg(std::string_view name, int64_t otherwise) const {
    int64_t dim = int_arg(name).value_or(otherwise);
    if (dim < 0) dim += static_cast<int64_t>(rank());
    if (dim < 0 || dim >= static_cast<int64_t>(rank())) return std::nullopt;
    return dim;
  }
  Arg arg_or(std::string_view name, Arg otherwise) const {
    const Arg* arg = node_.arg(name);
    if (arg == nullptr) return otherwise;
    return *arg;
  }

  Views alias() const { return one(Kind::kAlias); }
  Views reshape() const { return one(Kind::kReshape); }
  Views view() const { return one(node_.overload == "dtype" ? Kind::kOpaque : Kind::kReshape); }

  Views maybe_reshape() const {
    if (is_contiguous(*base_) == true) return reshape();
    if (is_contiguous(output()) == false) return reshape();  // a copy would be contiguous
    if (base_->shape && base_->shape == output().shape && base_->strides == output().strides &&
        base_->strides) {
      return alias();
    }
    return unclear();
  }

  Views contiguous() const {
    const Arg* format = node_.arg("memory_format");
    if (format != nullptr && !format->is_none()) {
      const auto* word = format->as<aten::Word>();
      if (word == nullptr || word->text != "contiguous_format") return unclear();
    }
    auto already = is_contiguous(*base_);
    if (!already) return unclear();
    return *already ? alias() : fresh();
  }

  Views to() const {
    const bool* copy = nullptr;
    if (const Arg* arg = node_.arg("copy")) copy = arg->as<bool>();
    if ((copy != nullptr && *copy) || output().dtype != base_->dtype) return fresh();
    const Arg* format = node_.arg("memory_format");
    return format == nullptr || format->is_none() ? alias() : unclear();
  }

  Views dropout() const {
    const Arg* train = node_.arg("train");
    const bool* flag = train == nullptr ? nullptr : train->as<bool>();
    return flag != nullptr && !*flag ? alias() : fresh();
  }

  Views permuted(std::vector<int64_t> perm) const {
    ViewStep step;
    step.kind = Kind::kPermute;
    step.perm = std::move(perm);
    return one(std::move(step));
  }

  std::vector<int64_t> identity() const {
    std::vector<int64_t> perm(rank());
    for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
    return perm;
  }

  // Dimensions in a list argument, counted from the front; nullopt if one is not a number in range.
  std::optional<std::vector<int64_t>> dims_arg(std::string_view name) const {
    const Arg* arg = node_.arg(name);
    if (arg == nullptr) return std::nullopt;
    ArgList single{*arg};
    const ArgList* list = arg->as<ArgList>() != nullptr ? arg->as<ArgList>() : &single;
    std::vector<int64_t> out;
    for (const Arg& element : *list) {
      const auto* e = element.as<Expr>();
      if (e == nullptr || !e->is_const()) return std::nullopt;
      int64_t dim = e->value() < 0 ? e->value() + static_cast<int64_t>(rank()) : e->value();
      if (dim < 0 || dim >= static_cast<int64_t>(rank())) return std::nullopt;
      out.push_back(dim);
    }
    return out;
  }

  Views permute() const {
    auto dims = dims_arg("dims");
    if (!dims || dims->size() != rank()) return one(Kind::kOpaque);
    return permuted(std::move(*dims));
  }

  Views transpose() const {
    const bool axes = node_.op == "aten::swapaxes";
    auto a = dim_arg(axes ? "axis0" : "dim0", 0);
    auto b = dim_arg(axes ? "axis1" : "dim1", 1);
    if (!a || !b) return one(rank() == 0 ? Kind::kAlias : Kind::kOpaque);
    std::vector<int64_t> perm = identity();
    std::swap(perm[static_cast<size_t>(*a)], perm[static_cast<size_t>(*b)]);
    return permuted(std::move(perm));
  }

  Views reverse() const {
    std::vector<int64_t> perm = identity();
    return permuted({perm.rbegin(), perm.rend()});
  }

  Views matrix_transpose() const {
    std::vector<int64_t> perm = identity();
    if (perm.size() < 2) return one(Kind::kOpaque);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return permuted(std::move(perm));
  }

  Views movedim() const {
    auto from = dims_arg("source");
    auto to = dims_arg("destination");
    if (!from || !to || from->size() != to->size()) return one(Kind::kOpaque);
    std::vector<int64_t> perm(rank(), -1);
    std::vector<bool> taken(rank(), false);
    for (size_t i = 0; i < from->size(); ++i) {
      perm[static_cast<size_t>((*to)[i])] = (*from)[i];
      taken[static_cast<size_t>((*from)[i])] = true;
    }
    size_t next = 0;
    for (int64_t& place : perm) {
      if (place >= 0) continue;
      while (taken[next]) ++next;
      place = static_cast<int64_t>(next++);
    }
    return permuted(std::move(perm));
  }

  Views select() const {
    auto dim = dim_arg("dim", 0);
    const Arg* index = node_.arg("index");
    if (!dim || index == nullptr || index->as<Expr>() == nullptr) return one(Kind::kOpaque);
    ViewStep step;
    step.kind = Kind::kSelect;
    step.dim = *dim;
    step.index = *index;
    return one(std::move(step));
  }

  Views slice() const {
    auto dim = dim_arg("dim", 0);
    if (!dim) return one(Kind::kOpaque);
    ViewStep step;
    step.kind = Kind::kSlice;
    step.dim = *dim;
    step.start = arg_or("start", Arg());
    step.end = arg_or("end", Arg());
    step.step = arg_or("step", Arg(Expr(1)));
    if (output().shape == base_->shape && step.step.as<Expr>() != nullptr &&
        step.step.as<Expr>()->is_const(1)) {
      step.kind = Kind::kAlias;
    }
    return one(std::move(step));
  }

  static ViewStep piece(int64_t dim, const Expr& start, const Expr& size) {
    ViewStep step;
    step.kind = Kind::kSlice;
    step.dim = dim;
    step.start = Arg(start);
    step.end = Arg(start + size);
    return step;
  }

  Views narrow() const {
    auto dim = dim_arg("dim", 0);
    const Arg* start = node_.arg("start");
    const auto* from = start == nullptr ? nullptr : start->as<Expr>();
    if (!dim || from == nullptr || !output().shape) return one(Kind::kOpaque);
    size_t d = static_cast<size_t>(*dim);
    Expr begin = from->is_const() && from->value() < 0 ? *from + (*base_->shape)[d] : *from;
    return one(piece(*dim, begin, (*output().shape)[d]));
  }

  // Consecutive parts along a dimension: where each begins follows from the sizes before it.
  Views pieces() const {
    auto dim = dim_arg("dim", 0);
    if (!dim) return all(Kind::kOpaque);
    Views out{Relation::kView, {}};
    Expr start(0);
    for (ValueId id : node_.outputs) {
      if (!id.valid() || !program_.value(id).shape) return all(Kind::kOpaque);
      const Expr& size = (*program_.value(id).shape)[static_cast<size_t>(*dim)];
      out.steps.push_back(piece(*dim, start, size));
      start += size;
    }
    return out;
  }

  Views unbind() const {
    auto dim = dim_arg("dim", 0);
    if (!dim) return all(Kind::kOpaque);
    Views out{Relation::kView, {}};
    for (size_t i = 0; i < node_.outputs.size(); ++i) {
      ViewStep step;
      step.kind = Kind::kSelect;
      step.dim = *dim;
      step.index = Arg(Expr(static_cast<int64_t>(i)));
      out.steps.push_back(std::move(step));
    }
    return out;
  }

  Views diagonal() const { return one(Kind::kDiagonal); }
  Views expand() const {
    return one(base_->shape && base_->shape == output().shape ? Kind::kAlias : Kind::kOpaque);
  }

  const Program& program_;
  const Node& node_;
  const Value* base_ = nullptr;
};

}  // namespace

Views views_of(const Program& program, const Node& node) { return Classifier(program, node).run(); }

}  // namespace onnxport::read
