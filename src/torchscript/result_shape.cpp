#include "torchscript/result_shape.h"

#include <algorithm>

namespace onnxport::torchscript {
namespace {

// The sizes and ints of a call's arguments.
void gather(const Ref& value, std::vector<Expr>& out) {
  if (const auto* tensor = value->as<Tensor>()) {
    out.insert(out.end(), tensor->dims.begin(), tensor->dims.end());
  } else if (value->is_int() && value->number().expr) {
    out.push_back(*value->number().expr);
  }
  for (const Ref& item : value->items()) gather(item, out);
}

// The dimension that a slice cuts, if its size depends on the data.
std::optional<size_t> cut_dim(const Sizes& sizes, const Call& call, size_t rank) {
  if (call.name != "aten::slice" || call.in.size() < 4 || !call.in[0]->is_tensor()) return {};
  if (!call.in[1]->is_int() || call.in[1]->is_data()) return {};
  const Shape& dims = call.in[0]->tensor().dims;
  int64_t dim = call.in[1]->at()[0].toInt();
  if (dim < 0) dim += static_cast<int64_t>(rank);
  if (dim < 0 || dim >= static_cast<int64_t>(dims.size())) return {};
  const auto at = static_cast<size_t>(dim);
  if (!sizes.depends_on_data(dims[at])) return {};
  return at;
}

Ints sizes_at(const std::vector<at::Tensor>& samples, size_t dim) {
  Ints out;
  for (const at::Tensor& t : samples) out.push_back(t.size(static_cast<int64_t>(dim)));
  return out;
}

// How much there is to cut the samples do not tell.
Expr cut_size(Sizes& sizes, const Call& call, size_t dim, const std::vector<at::Tensor>& samples) {
  auto known = [](const Ref& value) -> std::optional<Expr> {
    return value->is_number() ? value->number().expr : std::nullopt;
  };
  auto bound = [&](size_t i, int64_t otherwise) {
    return call.in[i]->is_none() ? std::optional<Expr>(otherwise) : known(call.in[i]);
  };
  const Expr& all = call.in[0]->tensor().dims[dim];
  const auto start = bound(2, 0);
  const auto end = bound(3, INT64_MAX);
  const auto step = call.in.size() < 5 ? std::optional<Expr>(1) : bound(4, 1);
  if (start && end && step && step->is_const(1) && start->is_const(0) && end->is_const()) {
    if (end->value() == INT64_MAX) return all;
    if (end->value() >= 0) return min(all, *end);
  }
  return sizes.new_data_size(sizes_at(samples, dim));
}

// The sizes of one call's result, as far as they are found.
class ResultShape {
 public:
  ResultShape(Sizes& sizes, const Call& call, const std::vector<at::Tensor>& samples)
      : sizes_(sizes),
        call_(call),
        samples_(samples),
        rank_(static_cast<size_t>(samples[0].dim())),
        out_(rank_) {
    for (const Ref& value : call.in) gather(value, known_);
  }

  Shape find() {
    const std::optional<size_t> cut = cut_dim(sizes_, call_, rank_);
    const std::vector<std::optional<Expr>> windows = window_dims(call_);
    for (size_t i = 0; i < rank_; ++i) {
      if (cut == i) {
        out_[i] = cut_size(sizes_, call_, i, samples_);
      } else {
        const bool window = windows.size() == rank_ && windows[i];
        auto found = simple(sizes_at(samples_, i), window ? *windows[i] : std::optional<Expr>());
        if (found) {
          out_[i] = *found;
        } else {
          open_.push_back(i);
        }
      }
    }
    if (open_.size() == 1 && fill_by_count()) return out_;
    for (size_t i : open_) out_[i] = combined(i);
    return out_;
  }

 private:
  // The window's formula, a constant, a size of the arguments, or a formula of one symbol.
  std::optional<Expr> simple(const Ints& values, const std::optional<Expr>& window) const {
    if (window && sizes_.holds(*window, values)) return window;
    if (all_equal(values)) return Expr(values[0]);
    auto same = std::find_if(known_.begin(), known_.end(),
                             [&](const Expr& e) { return sizes_.holds(e, values); });
    if (same != known_.end()) return *same;
    return sizes_.fit(values);
  }

  // One that is left: the elements stay as many as the first argument has.
  bool fill_by_count() {
    if (call_.in.empty() || !call_.in[0]->is_tensor()) return false;
    const size_t open = open_[0];
    Expr rest(1);
    for (size_t i = 0; i < rank_; ++i) {
      if (i != open) rest *= out_[i];
    }
    auto part = exact_div(product(call_.in[0]->tensor().dims), rest);
    if (!part || !sizes_.holds(*part, sizes_at(samples_, open))) return false;
    out_[open] = *part;
    return true;
  }

  // Sums, differences and products of two sizes; else a new one.
  Expr combined(size_t dim) {
    const Ints values = sizes_at(samples_, dim);
    for (size_t a = 0; a < known_.size() && known_.size() < 64; ++a) {
      for (const Expr& b : known_) {
        for (const Expr& e : {known_[a] + b, known_[a] - b, known_[a] * b}) {
          if (!e.is_const() && sizes_.holds(e, values)) return e;
        }
      }
    }
    if (call_.name == "aten::cat") {
      Expr sum(0);
      for (const Ref& item : call_.in[0]->items()) sum += item->tensor().dims.at(dim);
      if (sizes_.holds(sum, values)) return sum;
    }
    const bool from_data = std::any_of(known_.begin(), known_.end(),
                                       [&](const Expr& e) { return sizes_.depends_on_data(e); });
    return from_data ? sizes_.new_data_size(values) : sizes_.new_size(values);
  }

  Sizes& sizes_;
  const Call& call_;
  const std::vector<at::Tensor>& samples_;
  size_t rank_;
  Shape out_;
  std::vector<Expr> known_;   // sizes of the arguments
  std::vector<size_t> open_;  // dimensions that are still to be found
};

}  // namespace

Shape result_shape(Evaluator& e, const Call& call, const std::vector<at::Tensor>& samples) {
  for (const at::Tensor& t : samples) {
    if (t.dim() != samples[0].dim()) throw FixedSize("has a rank that depends on a size");
  }
  return ResultShape(e.sizes(), call, samples).find();
}

}  // namespace onnxport::torchscript
