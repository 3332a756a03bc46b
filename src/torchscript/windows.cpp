#include <optional>
#include <string_view>
#include <unordered_map>

#include "torchscript/result_shape.h"

namespace onnxport::torchscript {
namespace {

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
  return value->is_bool() && !value->is_data() && same_everywhere(*value) &&
         !value->at()[0].toBool();
}

// A list of constants, one for each dimension; an empty one stays so. None: it is something else.
std::optional<Ints> constants_in(const Call& call, size_t at, size_t count) {
  const auto* list = call.in.at(at)->as<List>();
  if (list == nullptr) return std::nullopt;
  Ints out;
  for (const Ref& item : list->items) {
    if (!item->is_int() || item->is_data() || !same_everywhere(*item)) return std::nullopt;
    out.push_back(item->at()[0].toInt());
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

std::vector<std::optional<Expr>> window_dims(const Call& call) {
  const Window* window = window_of(call.name);
  if (window == nullptr || !call.in.at(0)->is_tensor()) return {};
  if (window->transposed && !is_false(call, *window->transposed)) return {};
  const Shape& dims = call.in[0]->tensor().dims;
  size_t spatial = window->spatial;
  if (!window->kernel) {  // the weight tells
    const size_t rank = call.in.at(1)->tensor().dims.size();
    if (rank < 3 || (spatial != 0 && rank != spatial + 2)) return {};
    spatial = rank - 2;
  }
  if (dims.size() < spatial) return {};
  std::vector<std::optional<Expr>> out(dims.size());
  std::optional<Ints> kernel;
  if (window->kernel) {
    kernel = constants_in(call, *window->kernel, spatial);
  } else {
    kernel = constants(call.in[1]->tensor().dims, 2);
  }
  auto stride = constants_in(call, window->stride, spatial);
  if (stride && stride->empty()) stride = kernel;
  const auto padding = constants_in(call, window->padding, spatial);
  const auto dilation =
      window->dilation ? constants_in(call, *window->dilation, spatial) : Ints(spatial, 1);
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

}  // namespace onnxport::torchscript
