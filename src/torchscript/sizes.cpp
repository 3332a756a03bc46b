// Sizes: the formula of a number that is known in every sample.
//
// The samples give a dynamic size different values, so a formula with one symbol that holds in all
// of them is the right one unless the code conspires: `a*s + c` is determined by two samples and
// tested by the others.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

using Ints = std::vector<int64_t>;

bool all_equal(const Ints& v) {
  return std::all_of(v.begin(), v.end(), [&](int64_t x) { return x == v[0]; });
}

void gather(const Ref& value, std::vector<Expr>& out) {
  if (value->is_tensor()) {
    out.insert(out.end(), value->dims.begin(), value->dims.end());
  } else if (value->is_int() && value->expr) {
    out.push_back(*value->expr);
  }
  for (const Ref& item : value->items) gather(item, out);
}

// Where a call keeps what determines the sizes of its windows.
struct Window {
  size_t spatial;  // the last dimensions that it goes over; 0: as many as the weight says
  size_t stride;
  size_t padding;
  std::optional<size_t> kernel;  // none: the weight's, argument 1
  std::optional<size_t> dilation;
  std::optional<size_t> transposed;
  std::optional<size_t> ceil_mode;
};
const Window* window_of(std::string_view op) {
  auto conv = [](size_t spatial) { return Window{spatial, 3, 4, {}, 5, {}, {}}; };
  auto max_pool = [](size_t spatial) { return Window{spatial, 2, 3, 1, 4, {}, 5}; };
  auto avg_pool = [](size_t spatial) { return Window{spatial, 2, 3, 1, {}, {}, 4}; };
  static const std::unordered_map<std::string_view, Window> kWindows = {
      {"aten::conv1d", conv(1)},
      {"aten::conv2d", conv(2)},
      {"aten::conv3d", conv(3)},
      {"aten::_convolution", {0, 3, 4, {}, 5, 6, {}}},
      {"aten::convolution", {0, 3, 4, {}, 5, 6, {}}},
      {"aten::max_pool1d", max_pool(1)},
      {"aten::max_pool2d", max_pool(2)},
      {"aten::max_pool3d", max_pool(3)},
      {"aten::max_pool2d_with_indices", max_pool(2)},
      {"aten::avg_pool1d", avg_pool(1)},
      {"aten::avg_pool2d", avg_pool(2)},
      {"aten::avg_pool3d", avg_pool(3)},
  };
  auto it = kWindows.find(op);
  return it == kWindows.end() ? nullptr : &it->second;
}

bool is_false(const Call& call, size_t at) {
  const Ref& value = call.in.at(at);
  return value->is_bool() && !value->data && same_everywhere(*value) && !value->at[0].toBool();
}

// A list of constants, one for each dimension; an empty one stays so. None: it is something else.
std::optional<Ints> int_list(const Call& call, size_t at, size_t count) {
  const Ref& value = call.in.at(at);
  Ints out;
  if (!value->is_list()) return std::nullopt;
  for (const Ref& item : value->items) {
    if (!item->is_int() || item->data || !same_everywhere(*item)) return std::nullopt;
    out.push_back(item->at[0].toInt());
  }
  if (out.size() == 1) out.resize(count, out[0]);
  if (!out.empty() && out.size() != count) return std::nullopt;
  return out;
}

std::optional<Ints> constants(const Shape& dims, size_t from) {
  Ints out;
  for (size_t i = from; i < dims.size(); ++i) {
    if (!dims[i].is_const()) return std::nullopt;
    out.push_back(dims[i].value());
  }
  return out;
}

}  // namespace

void Evaluator::add_symbol(const std::string& name, const Ints& values) {
  for (size_t w = 0; w < count_; ++w) symbols_[w][name] = values[w];
}

Expr Evaluator::fresh_symbol(const Ints& values, const char* prefix) {
  std::string name;
  do name = fmt::format("{}{}", prefix, stems_[prefix]++);
  while (symbols_[0].contains(name));
  add_symbol(name, values);
  if (prefix[0] != 's') unbacked_.insert(name);
  return Expr::symbol(name);
}

// Sizes that stand for one that only the data tells: no two alike, and like no other; small ones
// and large ones, so that min(n, 100) is neither n nor 100.
Ints Evaluator::hints() {
  Ints out;
  for (size_t w = 0; w < count_; ++w) {
    const bool small = w % 2 == 0;
    const int64_t turn = w == 0 ? next_hint_ : next_hint_ / 5;
    out.push_back(small ? 3 + turn % 5 : (w == 1 ? 5003 : 9001) + 30 * next_hint_);
  }
  ++next_hint_;
  return out;
}

// Numbers that the data holds: small, so that they do as an index; they differ between samples, so
// that no size that follows from them looks constant.
Ints Evaluator::small_hints(int64_t least) {
  static constexpr int64_t kPatterns[3][4] = {{0, 1, 0, 1}, {0, 0, 1, 1}, {1, 0, 0, 1}};
  Ints out;
  for (size_t w = 0; w < count_; ++w) out.push_back(least + kPatterns[next_hint_ % 3][w % 4]);
  ++next_hint_;
  return out;
}

bool Evaluator::is_unbacked(const Expr& expr) const {
  if (expr.is_const()) return false;
  for (const std::string& symbol : expr.symbols()) {
    if (unbacked_.contains(symbol)) return true;
  }
  return false;
}

Ints Evaluator::values_of(const Expr& expr) const {
  Ints out;
  for (size_t w = 0; w < count_; ++w) {
    auto v = expr.eval(symbols_[w]);
    if (!v) throw Refusal("the size " + expr.str() + " has no value");
    out.push_back(*v);
  }
  return out;
}

bool Evaluator::holds(const Expr& expr, const Ints& values) const {
  for (size_t w = 0; w < count_; ++w) {
    auto v = expr.eval(symbols_[w]);
    if (!v || *v != values[w]) return false;
  }
  return true;
}

std::optional<Expr> Evaluator::fit(const Ints& values) const {
  if (all_equal(values)) return Expr(values[0]);
  std::optional<Expr> found;
  for (const auto& [name, first] : symbols_[0]) {
    Ints at;
    for (const auto& sample : symbols_) at.push_back(sample.at(name));
    if (all_equal(at)) continue;
    size_t other = 1;
    while (at[other] == at[0]) ++other;
    const int64_t run = at[other] - at[0];
    const int64_t rise = values[other] - values[0];
    const Expr symbol = Expr::symbol(name);
    if (rise % run == 0) {
      const Expr line = Expr(rise / run) * symbol + Expr(values[0] - rise / run * at[0]);
      if (holds(line, values)) return line;
    }
    // floor(a*s/d), as divisions make it.
    for (int64_t d = 2; d <= 64 && !found; d *= 2) {
      for (int64_t a : {int64_t{1}, int64_t{3}, int64_t{5}}) {
        const Expr step = floordiv(Expr(a) * symbol, Expr(d));
        if (holds(step, values)) found = step;
      }
    }
    (void)first;
  }
  if (found) return found;
  // a*s*t: what flattening makes.
  for (const auto& [a, va] : symbols_[0]) {
    for (const auto& [b, vb] : symbols_[0]) {
      if (b < a || va == 0 || vb == 0 || values[0] % (va * vb) != 0) continue;
      const Expr both = Expr(values[0] / (va * vb)) * Expr::symbol(a) * Expr::symbol(b);
      if (holds(both, values)) return both;
    }
  }
  return std::nullopt;
}

// The dimension that a slice cuts, if its size depends on the data.
std::optional<size_t> Evaluator::cut_dim(const Call& call, size_t rank) const {
  if (call.name != "aten::slice" || call.in.size() < 4 || !call.in[0]->is_tensor()) return {};
  if (!call.in[1]->is_int() || call.in[1]->data) return {};
  int64_t dim = call.in[1]->at[0].toInt();
  if (dim < 0) dim += static_cast<int64_t>(rank);
  if (dim < 0 || dim >= static_cast<int64_t>(call.in[0]->dims.size())) return {};
  const auto at = static_cast<size_t>(dim);
  if (!is_unbacked(call.in[0]->dims[at])) return {};
  return at;
}

Expr Evaluator::cut_size(const Call& call, size_t dim, const std::vector<at::Tensor>& tensors) {
  auto bound = [&](size_t i, int64_t otherwise) -> std::optional<Expr> {
    if (call.in[i]->is_none()) return Expr(otherwise);
    return call.in[i]->expr;
  };
  const Expr& all = call.in[0]->dims[dim];
  const auto start = bound(2, 0);
  const auto end = bound(3, INT64_MAX);
  const bool whole_steps = call.in.size() < 5 || call.in[4]->is_none() ||
                           (call.in[4]->expr && call.in[4]->expr->is_const(1));
  if (start && end && whole_steps && start->is_const(0) && end->is_const()) {
    if (end->value() == INT64_MAX) return all;
    if (end->value() >= 0) return min(all, *end);
  }
  Ints values;
  for (const at::Tensor& t : tensors) values.push_back(t.size(static_cast<int64_t>(dim)));
  return fresh_symbol(values, "n");
}

// The formulas of what a convolution or pooling makes of the last dimensions, by their definition.
// (From the samples alone, whose sizes divide alike, h/2 rounded up and down are the same; and a
// size that stays in a narrow range comes out as a constant.)
std::vector<std::optional<Expr>> Evaluator::window_dims(const Call& call) {
  const Window* window = window_of(call.name);
  if (window == nullptr || !call.in.at(0)->is_tensor() || !call.in[0]->ranked) return {};
  if (window->transposed && !is_false(call, *window->transposed)) return {};
  const Shape& dims = call.in[0]->dims;
  size_t spatial = window->spatial;
  if (!window->kernel) {  // the weight tells
    const size_t rank = call.in.at(1)->dims.size();
    if (rank < 3 || (spatial != 0 && rank != spatial + 2)) return {};
    spatial = rank - 2;
  }
  if (dims.size() < spatial) return {};
  std::vector<std::optional<Expr>> out(dims.size());
  std::optional<Ints> kernel;
  if (window->kernel) {
    kernel = int_list(call, *window->kernel, spatial);
  } else {
    kernel = constants(call.in[1]->dims, 2);
  }
  auto stride = int_list(call, window->stride, spatial);
  if (stride && stride->empty()) stride = kernel;
  const auto padding = int_list(call, window->padding, spatial);
  const auto dilation =
      window->dilation ? int_list(call, *window->dilation, spatial) : Ints(spatial, 1);
  for (const auto& list : {kernel, stride, padding, dilation}) {
    if (!list || list->size() != spatial) return {};
  }
  const bool ceil = window->ceil_mode && !is_false(call, *window->ceil_mode);
  for (size_t i = 0; i < spatial; ++i) {
    if ((*stride)[i] <= 0) return {};
    const size_t at = dims.size() - spatial + i;
    const Expr reach = Expr((*dilation)[i]) * Expr((*kernel)[i] - 1) + Expr(1);
    const Expr room = dims[at] + Expr(2) * Expr((*padding)[i]) - reach;
    const Expr step((*stride)[i]);
    if (!ceil) {
      out[at] = floordiv(room, step) + Expr(1);
    } else if ((*padding)[i] == 0 && reach.is_const() && (*stride)[i] <= reach.value()) {
      // Otherwise a last window that begins in the padding is left out: no formula of one piece.
      out[at] = ceildiv(room, step) + Expr(1);
    }
  }
  return out;
}

// The sizes of a call's result: constants, sizes of the arguments, or what can be had from them.
Shape Evaluator::fit_shape(const Call& call, const std::vector<at::Tensor>& tensors) {
  const auto rank = static_cast<size_t>(tensors[0].dim());
  for (const at::Tensor& t : tensors) {
    if (static_cast<size_t>(t.dim()) != rank) throw FixedSize("has a rank that depends on a size");
  }
  std::vector<Expr> known;
  for (const Ref& value : call.in) gather(value, known);
  Shape out(rank);
  std::vector<size_t> open;
  const std::optional<size_t> cut = cut_dim(call, rank);
  const std::vector<std::optional<Expr>> windows = window_dims(call);
  for (size_t i = 0; i < rank; ++i) {
    if (cut == i) {  // how much there is to cut the samples do not tell
      out[i] = cut_size(call, i, tensors);
      continue;
    }
    Ints values;
    for (const at::Tensor& t : tensors) values.push_back(t.size(static_cast<int64_t>(i)));
    if (windows.size() == rank && windows[i] && holds(*windows[i], values)) {
      out[i] = *windows[i];
      continue;
    }
    if (all_equal(values)) {
      out[i] = Expr(values[0]);
      continue;
    }
    auto same =
        std::find_if(known.begin(), known.end(), [&](const Expr& e) { return holds(e, values); });
    if (same != known.end()) {
      out[i] = *same;
    } else if (auto found = fit(values)) {
      out[i] = *found;
    } else {
      open.push_back(i);
    }
  }
  if (open.empty()) return out;
  // One that is left: the elements stay as many as the first argument has.
  if (open.size() == 1 && !call.in.empty() && call.in[0]->is_tensor()) {
    Expr rest(1);
    for (size_t i = 0; i < rank; ++i) {
      if (i != open[0]) rest *= out[i];
    }
    Ints values;
    for (const at::Tensor& t : tensors) values.push_back(t.size(static_cast<int64_t>(open[0])));
    if (auto part = exact_div(product(call.in[0]->dims), rest); part && holds(*part, values)) {
      out[open[0]] = *part;
      return out;
    }
  }
  for (size_t i : open) {
    Ints values;
    for (const at::Tensor& t : tensors) values.push_back(t.size(static_cast<int64_t>(i)));
    // Sums, differences and products of two sizes.
    bool done = false;
    for (size_t a = 0; a < known.size() && !done && known.size() < 64; ++a) {
      for (size_t b = 0; b < known.size() && !done; ++b) {
        for (const Expr& e : {known[a] + known[b], known[a] - known[b], known[a] * known[b]}) {
          if (e.is_const() || !holds(e, values)) continue;
          out[i] = e;
          done = true;
          break;
        }
      }
    }
    if (!done && call.name == "aten::cat") {
      Expr sum(0);
      for (const Ref& item : call.in[0]->items) sum += item->dims.at(i);
      if (holds(sum, values)) {
        out[i] = sum;
        done = true;
      }
    }
    bool from_data =
        std::any_of(known.begin(), known.end(), [&](const Expr& e) { return is_unbacked(e); });
    if (!done) out[i] = fresh_symbol(values, from_data ? "n" : "s");
  }
  return out;
}

std::optional<Expr> formula(std::string_view op, const std::vector<Expr>& in) {
  if (in.size() == 1) {
    if (op == "aten::neg") return -in[0];
    if (op == "aten::Int" || op == "aten::int") return in[0];
    return std::nullopt;
  }
  if (in.size() != 2) return std::nullopt;
  if (op == "aten::add") return in[0] + in[1];
  if (op == "aten::sub") return in[0] - in[1];
  if (op == "aten::mul") return in[0] * in[1];
  if (op == "aten::floordiv" || op == "aten::floor_divide" || op == "aten::__floordiv__") {
    if (in[1].is_const(0)) return std::nullopt;
    return floordiv(in[0], in[1]);
  }
  if (op == "aten::remainder" || op == "aten::mod" || op == "aten::fmod") {
    if (in[1].is_const(0)) return std::nullopt;
    return mod(in[0], in[1]);
  }
  if (op == "prim::max") return max(in[0], in[1]);
  if (op == "prim::min") return min(in[0], in[1]);
  return std::nullopt;
}

}  // namespace onnxport::torchscript
