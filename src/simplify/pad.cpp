// A Pad before a convolution or a pool becomes the node's own padding, where that counts the same.
#include <algorithm>
#include <cstdint>

#include "simplify/bounds.h"
#include "simplify/match.h"

namespace onnxport::simplify {
namespace {

using Ints = onnx::Attribute::Ints;

// A Pad with one number around the spatial axes.
struct Padding {
  Node* node;
  double value;
  Ints before, after;  // of each spatial axis, none negative
};

// Not negative, and so small that sums and products of a few do not overflow.
bool is_amount(int64_t n) { return n >= 0 && n <= INT32_MAX; }

std::optional<double> value_of(const Node& pad) {
  if (pad.find("value") != nullptr) return pad.get<float>("value", 0.0F);
  if (pad.input(2) == nullptr) return 0.0;
  return scalar_of(pad.input(2));
}

// The axes that the amounts are for: all of them, or from opset 18 on those of the input.
std::optional<std::vector<size_t>> axes_of(const Node& pad, size_t rank) {
  std::vector<size_t> axes;
  if (pad.input(3) == nullptr) {
    for (size_t i = 0; i < rank; ++i) axes.push_back(i);
    return axes;
  }
  const auto numbers = known_numbers(pad.input(3));
  if (!numbers) return std::nullopt;
  for (const int64_t number : *numbers) {
    const auto axis = axis_of(number, rank);
    if (!axis || std::find(axes.begin(), axes.end(), *axis) != axes.end()) return std::nullopt;
    axes.push_back(*axis);
  }
  return axes;
}

std::optional<Padding> padding_before(const Node& node) {
  Node* pad = producer(node.input(0), "Pad", node);
  if (pad == nullptr || !used_once(pad->output())) return std::nullopt;
  if (pad->get<std::string>("mode", std::string("constant")) != "constant") return std::nullopt;
  const auto amounts = list_of(*pad, "pads");
  const auto value = value_of(*pad);
  if (!amounts || !value || amounts->size() % 2 != 0) return std::nullopt;
  const Value* x = pad->input(0);
  if (!x->shape && pad->input(3) != nullptr) return std::nullopt;
  const size_t rank = x->shape ? x->shape->size() : amounts->size() / 2;
  const auto axes = axes_of(*pad, rank);
  if (rank < 3 || !axes || axes->size() != amounts->size() / 2) return std::nullopt;
  Padding padding{pad, *value, Ints(rank - 2, 0), Ints(rank - 2, 0)};
  for (size_t i = 0; i < axes->size(); ++i) {
    const int64_t before = (*amounts)[i], after = (*amounts)[axes->size() + i];
    if (!is_amount(before) || !is_amount(after)) return std::nullopt;
    if (before == 0 && after == 0) continue;
    if ((*axes)[i] < 2) return std::nullopt;
    padding.before[(*axes)[i] - 2] = before;
    padding.after[(*axes)[i] - 2] = after;
  }
  return padding;
}

// The node's own padding, before and after; nullopt when it depends on the sizes.
std::optional<Ints> own_pads(const Node& node, size_t spatial) {
  const std::string automatic = node.get<std::string>("auto_pad", std::string("NOTSET"));
  if (automatic == "VALID" && node.get<int64_t>("ceil_mode", 0) == 0) return Ints(2 * spatial, 0);
  auto pads = node.get<Ints>("pads", {});
  if (pads.empty()) pads.assign(2 * spatial, 0);
  if (automatic != "NOTSET" || pads.size() != 2 * spatial) return std::nullopt;
  if (!std::all_of(pads.begin(), pads.end(), is_amount)) return std::nullopt;
  return pads;
}

Ints sum_of(const Ints& own, const Padding& padding) {
  Ints pads = own;
  const size_t spatial = padding.before.size();
  for (size_t i = 0; i < spatial; ++i) {
    pads[i] += padding.before[i];
    pads[spatial + i] += padding.after[i];
  }
  return pads;
}

Outcome pad_within(Rewriter& r, Node& node, const Padding& padding, Ints pads) {
  node.set("pads", std::move(pads));
  node.remove("auto_pad");
  r.set_input(node, 0, padding.node->input(0));
  return done();
}

// One spatial axis of a pool, padded as it will be.
struct Window {
  int64_t kernel, stride, extent, before, after;
  std::optional<int64_t> size;  // of the input without any padding
};

// nullopt: an attribute does not fit, or there is more padding than runtimes take, which is less
// than a window on each side.
std::optional<std::vector<Window>> windows_of(const Node& node, const Value* x, const Ints& pads) {
  const size_t spatial = pads.size() / 2;
  const Ints kernel = node.get<Ints>("kernel_shape", {});
  Ints strides = node.get<Ints>("strides", {}), dilations = node.get<Ints>("dilations", {});
  if (strides.empty()) strides.assign(spatial, 1);
  if (dilations.empty()) dilations.assign(spatial, 1);
  if (kernel.size() != spatial || strides.size() != spatial || dilations.size() != spatial) {
    return std::nullopt;
  }
  std::vector<Window> windows;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t k = kernel[i], d = dilations[i];
    if (k < 1 || strides[i] < 1 || d < 1) return std::nullopt;
    if (!is_amount(k) || !is_amount(strides[i]) || !is_amount(d)) return std::nullopt;
    if (pads[i] >= k || pads[spatial + i] >= k) return std::nullopt;
    auto size = dim_of(x, 2 + i);
    if (size && !is_amount(*size)) size.reset();
    windows.push_back({k, strides[i], d * (k - 1) + 1, pads[i], pads[spatial + i], size});
    // Windows with gaps could miss what lies between the padding of both sides.
    if (d > 1 && (!size || *size < d)) return std::nullopt;
  }
  return windows;
}

int64_t room_in(const Window& w) { return *w.size + w.before + w.after - w.extent; }

// Rounding the number of windows up or down is the same.
bool is_filled(const Window& w) {
  return w.stride == 1 || (w.size && room_in(w) >= 0 && room_in(w) % w.stride == 0);
}

// With the number of windows rounded up: the last one starts before the padding behind. One that
// does not is left out, but Pad's padding was taken for the input.
bool starts_inside(const Window& w) {
  if (w.after + w.stride <= w.extent) return true;
  if (!w.size || room_in(w) < 0) return false;
  const int64_t start = (room_in(w) + w.stride - 1) / w.stride * w.stride;
  return start < *w.size + w.before;
}

// Conv(Pad(x, zeros), pads: p)  =>  Conv(x, pads: p + the zeros)        only spatial axes padded
RULE(fuse_pad_into_conv, "Conv") {
  const auto padding = padding_before(node);
  if (!padding || padding->value != 0) return no_match("no zeros padded before");
  const auto own = own_pads(node, padding->before.size());
  if (!own) return no_match("automatic padding");
  return pad_within(r, node, *padding, sum_of(*own, *padding));
}

// AveragePool(Pad(x, zeros), pads: p)  =>  AveragePool(x, pads: p + the zeros)
//     where its own padding counts, or it has none; less than a window
RULE(fuse_pad_into_average_pool, "AveragePool") {
  const auto padding = padding_before(node);
  if (!padding || padding->value != 0) return no_match("no zeros padded before");
  const auto own = own_pads(node, padding->before.size());
  if (!own) return no_match("automatic padding");
  const bool unpadded = std::all_of(own->begin(), own->end(), [](int64_t p) { return p == 0; });
  if (!unpadded && node.get<int64_t>("count_include_pad", 0) == 0) {
    return no_match("its own padding does not count");
  }
  Ints pads = sum_of(*own, *padding);
  const auto windows = windows_of(node, padding->node->input(0), pads);
  if (!windows) return no_match("more padding than a window");
  // What a window reaches over the end of the padding does not count.
  if (node.get<int64_t>("ceil_mode", 0) != 0 &&
      !std::all_of(windows->begin(), windows->end(), is_filled)) {
    return no_match("the last window is cut off");
  }
  node.set("count_include_pad", 1);
  return pad_within(r, node, *padding, std::move(pads));
}

// MaxPool(Pad(x, v), pads: p)  =>  MaxPool(x, pads: p + the v)
//     v is -inf, or nothing in x is less (zeros behind a Relu); less than a window
RULE(fuse_pad_into_max_pool, "MaxPool") {
  const auto padding = padding_before(node);
  if (!padding) return no_match("no Pad before");
  if (node.output(1) != nullptr && !node.output(1)->unused())
    return no_match("the indices count the padding");
  const auto own = own_pads(node, padding->before.size());
  if (!own) return no_match("automatic padding");
  const Value* x = padding->node->input(0);
  Ints pads = sum_of(*own, *padding);
  const auto windows = windows_of(node, x, pads);
  if (!windows) return no_match("more padding than a window");
  if (node.get<int64_t>("ceil_mode", 0) != 0 &&
      !std::all_of(windows->begin(), windows->end(), starts_inside)) {
    return no_match("the last window is in the padding");
  }
  const auto lowest = lowest_of(x->dtype);
  if (!lowest) return no_match("the type is unknown");
  const auto fits = [&](double bound) { return padding->value <= bound; };  // a NaN does not
  if (!fits(*lowest)) {
    const auto bound = lower_bound_of(x, node);
    if (!bound || !fits(*bound)) return no_match("something may be less than the padding");
  }
  return pad_within(r, node, *padding, std::move(pads));
}

}  // namespace
}  // namespace onnxport::simplify
