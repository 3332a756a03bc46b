// Pooling. PyTorch's ceil_mode leaves out a last window that would start behind the input; ONNX's
// did not say so for long. Where sizes are known, that window is therefore written as explicit
// padding.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lower/outputs.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using Ints = std::vector<int64_t>;

Ints repeated(Ints values, size_t n) {
  if (values.size() == 1) values.resize(n, values[0]);
  return values;
}

struct Window {
  Ints kernel, stride, begins, ends, dilation;
  bool ceil_mode = false;
};

// With known sizes: ends grow by what the last (partial) window lacks, ceil_mode goes away.
void make_exact(Window& w, const Shape& spatial) {
  if (!w.ceil_mode) return;
  Ints ends = w.ends;
  for (size_t i = 0; i < spatial.size(); ++i) {
    if (!spatial[i].is_const()) return;
    const int64_t in = spatial[i].value();
    const int64_t reach = w.dilation[i] * (w.kernel[i] - 1) + 1;
    const int64_t room = in + w.begins[i] + w.ends[i] - reach;
    int64_t out = (room + w.stride[i] - 1) / w.stride[i] + 1;
    if ((out - 1) * w.stride[i] >= in + w.begins[i]) --out;
    ends[i] += std::max<int64_t>(0, (out - 1) * w.stride[i] - room);
    if (ends[i] >= w.kernel[i]) return;  // ONNX Runtime refuses such padding
  }
  w.ends = std::move(ends);
  w.ceil_mode = false;
}

Shape spatial_sizes(Value x, size_t n) {
  const Shape& sizes = Builder::shape(x);
  if (sizes.size() != n + 1 && sizes.size() != n + 2) {
    refuse(fmt::format("pooling over {} axes of a tensor of rank {}", n, sizes.size()));
  }
  return Shape(sizes.end() - static_cast<std::ptrdiff_t>(n), sizes.end());
}

Attributes attributes_of(const Window& w) {
  Attributes out = {{"kernel_shape", w.kernel}};
  Ints pads = w.begins;
  pads.insert(pads.end(), w.ends.begin(), w.ends.end());
  out.emplace_back("pads", pads);
  out.emplace_back("strides", w.stride);
  if (w.ceil_mode) out.emplace_back("ceil_mode", 1);
  return out;
}

// x may come without its batch axis: f sees it with one.
template <typename F>
Values batched(Builder& g, Value x, size_t n, F f) {
  if (Builder::rank(x) != static_cast<int64_t>(n) + 1) return f(x);
  Values out = f(g.unsqueeze(x, {0}));
  for (Value& value : out) value = value == nullptr ? nullptr : g.squeeze(value, {0});
  return out;
}

// --- max ----------------------------------------------------------------------------------------

// Values, and indices if the program uses them: ONNX counts them through the whole tensor, PyTorch
// within one plane.
Values max_pool_of(Builder& g, Value x, Window w) {
  const Shape spatial = spatial_sizes(x, w.kernel.size());
  make_exact(w, spatial);
  Attributes attributes = attributes_of(w);
  if (std::any_of(w.dilation.begin(), w.dilation.end(), [](int64_t d) { return d != 1; })) {
    attributes.emplace_back("dilations", w.dilation);
  }
  if (!uses_output(g, 1)) return {g.op("MaxPool", {x}, std::move(attributes)), nullptr};
  Values out = g.op_n("MaxPool", {x}, std::move(attributes), 2);
  out[1] = g.op("Mod", {out[1], g.int_scalar(product(spatial))});
  return out;
}

Values max_pool_with_indices(Builder& g, Value x, Ints kernel, Ints stride, Ints padding,
                             Ints dilation, bool ceil_mode, size_t n) {
  Window w;
  w.kernel = repeated(std::move(kernel), n);
  w.stride = stride.empty() ? w.kernel : repeated(std::move(stride), n);
  w.begins = w.ends = repeated(std::move(padding), n);
  w.dilation = repeated(std::move(dilation), n);
  w.ceil_mode = ceil_mode;
  return batched(g, x, n, [&](Value y) { return max_pool_of(g, y, w); });
}

template <size_t n>
Values max_pool_both(Builder& g, Value x, Ints kernel, Ints stride, Ints padding, Ints dilation,
                     bool ceil_mode) {
  return max_pool_with_indices(g, x, kernel, stride, padding, dilation, ceil_mode, n);
}
template <size_t n>
Value max_pool(Builder& g, Value x, Ints kernel, Ints stride, Ints padding, Ints dilation,
               bool ceil_mode) {
  return max_pool_with_indices(g, x, kernel, stride, padding, dilation, ceil_mode, n)[0];
}

// --- average ------------------------------------------------------------------------------------

// Zeros around x that count as elements; the window's own padding is then gone.
Value pad_spatial(Builder& g, Value x, Window& w, const Ints& ends) {
  std::vector<Expr> before = {0, 0};
  std::vector<Expr> after = {0, 0};
  before.insert(before.end(), w.begins.begin(), w.begins.end());
  after.insert(after.end(), ends.begin(), ends.end());
  for (size_t i = 0; i < w.begins.size(); ++i) w.begins[i] = 0, w.ends[i] -= ends[i];
  return g.pad(x, before, after, "constant");
}

// The divisor of a window: its elements inside the input; with count_include_pad also those in the
// given padding, but never what ceil_mode adds behind it.
Value avg_pool_of(Builder& g, Value x, Window w, bool count_include_pad,
                  std::optional<int64_t> divisor) {
  const Ints given = w.ends;
  const bool padded = std::any_of(given.begin(), given.end(), [](int64_t p) { return p > 0; });
  make_exact(w, spatial_sizes(x, w.kernel.size()));
  if (w.ceil_mode && ((padded && count_include_pad) || divisor)) {
    refuse("avg_pool with ceil_mode and padding needs sizes that are known numbers");
  }
  double factor = 1;
  if (divisor) {
    const int64_t elements =
        std::accumulate(w.kernel.begin(), w.kernel.end(), int64_t{1}, std::multiplies<>());
    factor = static_cast<double>(elements) / static_cast<double>(*divisor);
    count_include_pad = true;
  } else if (count_include_pad && w.ends != given) {
    if (padded) x = pad_spatial(g, x, w, given);
    count_include_pad = false;
  }
  Attributes attributes = attributes_of(w);
  const bool pads =
      std::any_of(w.begins.begin(), w.begins.end(), [](int64_t p) { return p > 0; }) ||
      std::any_of(w.ends.begin(), w.ends.end(), [](int64_t p) { return p > 0; });
  if (count_include_pad && pads) attributes.emplace_back("count_include_pad", 1);
  Value out = g.op("AveragePool", {x}, std::move(attributes));
  return factor == 1 ? out : g.mul(out, g.scalar_like(factor, out));
}

template <size_t n>
Value avg_pool(Builder& g, Value x, Ints kernel, Ints stride, Ints padding, bool ceil_mode,
               bool count_include_pad, std::optional<int64_t> divisor) {
  Window w;
  w.kernel = repeated(std::move(kernel), n);
  w.stride = stride.empty() ? w.kernel : repeated(std::move(stride), n);
  w.begins = w.ends = repeated(std::move(padding), n);
  w.dilation = Ints(n, 1);
  w.ceil_mode = ceil_mode;
  return batched(g, x, n, [&](Value y) {
    return Values{avg_pool_of(g, y, w, count_include_pad, divisor)};
  })[0];
}

// --- adaptive -----------------------------------------------------------------------------------

bool all_ones(const Shape& sizes) {
  return std::all_of(sizes.begin(), sizes.end(), [](const Expr& e) { return e.is_const(1); });
}

Ints last_axes(size_t n) {
  Ints axes(n);
  std::iota(axes.begin(), axes.end(), -static_cast<int64_t>(n));
  return axes;
}

// The window when every input size is a known multiple of its output size.
std::optional<Window> dividing_window(const Shape& in, const Shape& out) {
  Window w;
  for (size_t i = 0; i < in.size(); ++i) {
    auto kernel = exact_div(in[i], out[i]);
    if (!kernel || !kernel->is_const()) return std::nullopt;
    w.kernel.push_back(kernel->value());
  }
  w.stride = w.kernel;
  w.begins = w.ends = Ints(in.size(), 0);
  w.dilation = Ints(in.size(), 1);
  return w;
}

// Output i of n over an input of size m: elements [i*m/n, ceil((i+1)*m/n)).
int64_t first_of(int64_t i, int64_t m, int64_t n) { return i * m / n; }
int64_t end_of(int64_t i, int64_t m, int64_t n) { return ((i + 1) * m + n - 1) / n; }

// [m, n] (or its transpose), with 1/length where output i averages over an element.
Value averaging_matrix(Builder& g, int64_t m, int64_t n, bool transposed, DType dtype) {
  std::vector<double> values(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t first = first_of(i, m, n);
    const int64_t end = end_of(i, m, n);
    for (int64_t j = first; j < end; ++j) {
      values[static_cast<size_t>(transposed ? i * m + j : j * n + i)] =
          1.0 / static_cast<double>(end - first);
    }
  }
  const Ints dims = transposed ? Ints{n, m} : Ints{m, n};
  return g.constant(Tensor::of<double>(DType::kDouble, dims, values).cast(dtype), "averaging");
}

// Exact for any known sizes: one product with a constant matrix an axis.
Value average_by_matrices(Builder& g, Value x, const Shape& in, const Shape& out) {
  const size_t n = in.size();
  for (size_t i = 0; i < n; ++i) {
    if (in[i] == out[i]) continue;
    if (!in[i].is_const() || !out[i].is_const()) {
      refuse(
          fmt::format("adaptive pooling from {} to {}: the window depends on the input's size; "
                      "export with fixed sizes",
                      to_string(in), to_string(out)));
    }
    if (i + 1 == n) {
      x = g.matmul(x, averaging_matrix(g, in[i].value(), out[i].value(), false, x->dtype));
      continue;
    }
    // The axes behind i become one.
    const Shape sizes = Builder::shape(x);
    const auto at = static_cast<std::ptrdiff_t>(sizes.size() - n + i);
    Shape flat(sizes.begin(), sizes.begin() + at + 1);
    flat.push_back(product(Shape(sizes.begin() + at + 1, sizes.end())));
    Shape result = sizes;
    result[static_cast<size_t>(at)] = out[i];
    if (i + 2 < n) x = g.reshape(x, flat);
    x = g.matmul(averaging_matrix(g, in[i].value(), out[i].value(), true, x->dtype), x);
    if (i + 2 < n) x = g.reshape(x, result);
  }
  return x;
}

Value adaptive_avg_pool(Builder& g, Value x, Shape out) {
  const size_t n = out.size();
  const Shape in = spatial_sizes(x, n);
  if (in == out) return x;
  if (all_ones(out)) {
    if (Builder::rank(x) == static_cast<int64_t>(n) + 2) return g.op("GlobalAveragePool", {x});
    return g.reduce("ReduceMean", x, last_axes(n), true);
  }
  auto window = dividing_window(in, out);
  if (!window) return average_by_matrices(g, x, in, out);
  return batched(
      g, x, n, [&](Value y) { return Values{avg_pool_of(g, y, *window, false, std::nullopt)}; })[0];
}

// One ReduceMax an output element of each axis.
Value max_by_slices(Builder& g, Value x, const Shape& in, const Shape& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i]) continue;
    if (!in[i].is_const() || !out[i].is_const()) {
      refuse("adaptive pooling whose window depends on the input's size; export with fixed sizes");
    }
    const int64_t m = in[i].value();
    const int64_t n = out[i].value();
    const int64_t axis = Builder::rank(x) - static_cast<int64_t>(in.size() - i);
    Values parts;
    for (int64_t j = 0; j < n; ++j) {
      Value part = g.slice(x, axis, Expr(first_of(j, m, n)), Expr(end_of(j, m, n)));
      parts.push_back(g.reduce("ReduceMax", part, {axis}, true));
    }
    x = g.concat(parts, axis);
  }
  return x;
}

template <size_t n>
Values adaptive_max_pool(Builder& g, Value x, Shape out) {
  if (out.size() == 1) out.resize(n, out[0]);
  const Shape in = spatial_sizes(x, n);
  const bool indices = uses_output(g, 1);
  if (!indices && in == out) return {x, nullptr};
  if (!indices && all_ones(out)) {
    if (Builder::rank(x) == static_cast<int64_t>(n) + 2)
      return {g.op("GlobalMaxPool", {x}), nullptr};
    return {g.reduce("ReduceMax", x, last_axes(n), true), nullptr};
  }
  auto window = dividing_window(in, out);
  if (window) return batched(g, x, n, [&](Value y) { return max_pool_of(g, y, *window); });
  if (indices) refuse("indices of an adaptive_max_pool whose windows differ in size");
  return {max_by_slices(g, x, in, out), nullptr};
}

template <size_t n>
Value adaptive_avg(Builder& g, Value x, Shape out) {
  if (out.size() == 1) out.resize(n, out[0]);
  return adaptive_avg_pool(g, x, std::move(out));
}

}  // namespace

bool uses_output(const Builder& g, size_t output) {
  const auto& outputs = g.node().outputs;
  if (output >= outputs.size() || !outputs[output].valid()) return false;
  const aten::ValueId wanted = outputs[output];
  bool used = false;
  for (const aten::Output& out : g.program().outputs) used = used || out.value == wanted;
  for (const aten::Node& node : g.program().nodes) {
    aten::for_each_use(node, [&](aten::ValueId id) { used = used || id == wanted; });
    if (used) return true;
  }
  return used;
}

LOWER(
    "aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> Tensor",
    max_pool<1>);
LOWER(
    "aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor",
    max_pool<2>);
LOWER(
    "aten::max_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> Tensor",
    max_pool<3>);
LOWER(
    "aten::max_pool1d_with_indices(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> (Tensor, Tensor)",
    max_pool_both<1>);
LOWER(
    "aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)",
    max_pool_both<2>);
LOWER(
    "aten::max_pool3d_with_indices(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, int[3] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)",
    max_pool_both<3>);

LOWER(
    "aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
    [](Builder& g, Value x, Ints kernel, Ints stride, Ints padding, bool ceil_mode, bool include) {
      return avg_pool<1>(g, x, kernel, stride, padding, ceil_mode, include, std::nullopt);
    });
LOWER(
    "aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    avg_pool<2>);
LOWER(
    "aten::avg_pool3d(Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
    avg_pool<3>);

LOWER("aten::adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor", adaptive_avg<1>);
LOWER("aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor", adaptive_avg<2>);
LOWER("aten::adaptive_avg_pool3d(Tensor self, SymInt[3] output_size) -> Tensor", adaptive_avg<3>);
LOWER("aten::_adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor", adaptive_avg<2>);
LOWER("aten::_adaptive_avg_pool3d(Tensor self, SymInt[3] output_size) -> Tensor", adaptive_avg<3>);
LOWER("aten::adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor, Tensor)",
      adaptive_max_pool<1>);
LOWER("aten::adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor, Tensor)",
      adaptive_max_pool<2>);
LOWER("aten::adaptive_max_pool3d(Tensor self, int[3] output_size) -> (Tensor, Tensor)",
      adaptive_max_pool<3>);

}  // namespace onnxport::lower
