// Interpolation and sampling.
//
// Scales are preferred to sizes wherever they are numbers: with a dynamic batch, sizes would have
// to be read from the tensor. ONNX Runtime derives out/in in float32 from sizes in any case, so
// both say the same as long as floor(in * scale) is the size that is wanted, and the nearest
// element is the same one; both are made sure of. Where the nearest element is another, or may be
// (PyTorch multiplies by in/out, ONNX Runtime divides by out/in), elements are gathered.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using Doubles = std::vector<double>;
using OptionalDoubles = std::optional<Doubles>;

struct Mode {
  const char* mode;         // nearest, linear, cubic
  const char* coordinates;  // coordinate_transformation_mode
  const char* nearest = nullptr;
  bool antialias = false;
};

constexpr OpsetNeed kAntialias = since(18, "interpolation with antialias=True");

Mode smooth(const char* mode, bool align_corners, bool antialias = false) {
  return {mode, align_corners ? "align_corners" : "half_pixel", nullptr, antialias};
}
constexpr Mode kNearest = {"nearest", "asymmetric", "floor", false};
// PyTorch's nearest-exact is floor((i + 0.5) / scale): half up in ONNX's coordinates.
constexpr Mode kNearestExact = {"nearest", "half_pixel", "round_prefer_ceil", false};

Attributes attributes_of(const Mode& m) {
  Attributes out = {{"coordinate_transformation_mode", m.coordinates}};
  if (std::string_view(m.mode) == "cubic") {
    // Pillow's kernel where PyTorch follows Pillow, else OpenCV's.
    out.emplace_back("cubic_coeff_a", m.antialias ? -0.5 : -0.75);
  }
  out.emplace_back("mode", m.mode);
  if (m.nearest != nullptr) out.emplace_back("nearest_mode", m.nearest);
  if (m.antialias) {
    out.emplace_back("antialias", 1);
    out.emplace_back("exclude_outside", 1);
  }
  return out;
}

// The float32 factor that takes `in` to `out` whether floor(in * scale) is computed in float32 or
// more.
float exact_scale(int64_t in, int64_t out) {
  const float scale = static_cast<float>(out) / static_cast<float>(in);
  const bool short_of =
      static_cast<double>(scale) * static_cast<double>(in) < static_cast<double>(out);
  return short_of ? std::nextafter(scale, 2 * scale) : scale;
}

bool is_half_pixel(const Mode& m) { return std::string_view(m.coordinates) == "half_pixel"; }

// The element that PyTorch picks for place i, in its float32 arithmetic.
int64_t nearest_element(int64_t i, int64_t in, int64_t out, const Mode& m) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  const auto x = static_cast<float>(i);
  const float at = is_half_pixel(m) ? (x + 0.5F) * scale : x * scale;
  return std::min(static_cast<int64_t>(std::floor(at)), in - 1);
}

// Whether ONNX Runtime picks the element that PyTorch picks, for every place of the output.
bool picks_the_same(int64_t in, int64_t out, float scale, const Mode& m) {
  if (m.nearest == nullptr) return true;
  for (int64_t i = 0; i < out; ++i) {
    const auto x = static_cast<float>(i);
    const float ours = is_half_pixel(m) ? (x + 0.5F) / scale : x / scale;
    const int64_t at = std::min(static_cast<int64_t>(std::floor(ours)), in - 1);
    if (nearest_element(i, in, out, m) != at) return false;
  }
  return true;
}

// The same where sizes are dynamic, as the level of a pyramid that is resized to the next one's
// size: tried for every size of a picture that is likely, if one symbol makes both.
bool picks_the_same(const Expr& in, const Expr& out, const Mode& m) {
  constexpr int64_t kLargest = 4096;
  if (m.nearest == nullptr || in == out) return true;
  if (auto ratio = exact_div(out, in); ratio && ratio->is_const()) {
    const int64_t times = ratio->value();
    return picks_the_same(kLargest, times * kLargest, static_cast<float>(times), m);
  }
  auto symbols = in.symbols();
  if (symbols != out.symbols() || symbols.size() > 1) return false;
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int64_t size = 1; size <= (symbols.empty() ? 1 : kLargest); ++size) {
    std::map<std::string, int64_t> values;
    if (!symbols.empty()) values[symbols[0]] = size;
    const auto from = in.eval(values);
    const auto to = out.eval(values);
    if (!from || !to || *from <= 0 || *to <= 0 || *to > 4 * kLargest) continue;
    if (!seen.emplace(*from, *to).second) continue;
    if (!picks_the_same(*from, *to, static_cast<float>(*to) / static_cast<float>(*from), m)) {
      return false;
    }
  }
  return true;
}

// Picks the elements of one axis by their places, where Resize would pick others.
Value pick_nearest(Builder& g, Value x, int64_t axis, const Expr& in, const Expr& out,
                   const Mode& m) {
  if (in.is_const() && out.is_const()) {
    std::vector<int64_t> places(static_cast<size_t>(out.value()));
    for (size_t i = 0; i < places.size(); ++i) {
      places[i] = nearest_element(static_cast<int64_t>(i), in.value(), out.value(), m);
    }
    return g.gather(x, g.ints(places), axis);
  }
  const DType t = DType::kFloat;
  Value count = g.int_scalar(out);
  Value at = g.cast(g.op("Range", {g.int_scalar(0), count, g.int_scalar(1)}), t);
  if (is_half_pixel(m)) at = g.add(at, g.scalar(0.5, t));
  Value size = g.int_scalar(in);
  at = g.mul(at, g.div(g.cast(size, t), g.cast(count, t)));
  Value places = g.cast(g.op("Floor", {at}), DType::kInt64);
  return g.gather(x, g.op("Min", {places, g.sub(size, g.int_scalar(1))}), axis);
}

std::optional<std::vector<float>> scales_between(const Shape& in, const Shape& out,
                                                 const Mode& mode) {
  std::vector<float> scales;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i]) {
      scales.push_back(1);
    } else if (in[i].is_const() && out[i].is_const()) {
      scales.push_back(exact_scale(in[i].value(), out[i].value()));
      if (!picks_the_same(in[i].value(), out[i].value(), scales.back(), mode)) return std::nullopt;
    } else if (auto ratio = exact_div(out[i], in[i]); ratio && ratio->is_const()) {
      scales.push_back(static_cast<float>(ratio->value()));
      if (!picks_the_same(in[i], out[i], mode)) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return scales;
}

Value by_scales(Builder& g, Value x, std::vector<float> scales, const Mode& mode) {
  scales.insert(scales.begin(), {1.0F, 1.0F});
  const auto n = static_cast<int64_t>(scales.size());
  Value constant = g.constant(Tensor::of<float>(DType::kFloat, {n}, scales));
  return g.op("Resize", {x, nullptr, constant}, attributes_of(mode));
}

// From opset 18 on sizes can be given for some axes only, so that the batch need not be read.
Value by_sizes(Builder& g, Value x, const Shape& out, const Mode& mode) {
  Attributes attributes = attributes_of(mode);
  Shape sizes = out;
  if (g.opset() >= 18) {
    std::vector<int64_t> axes;
    for (size_t i = 0; i < out.size(); ++i) axes.push_back(static_cast<int64_t>(i) + 2);
    attributes.insert(attributes.begin(), {"axes", axes});
  } else {
    const Shape& from = Builder::shape(x);
    sizes.insert(sizes.begin(), from.begin(), from.begin() + 2);
  }
  return g.op("Resize", {x, nullptr, nullptr, g.shape_tensor(sizes)}, std::move(attributes));
}

// x is [N, C, spatial...].
Value resize(Builder& g, Value x, const std::optional<Shape>& out, const OptionalDoubles& factors,
             const Mode& mode) {
  const Shape& sizes = Builder::shape(x);
  const Shape in(sizes.begin() + 2, sizes.end());
  if (out && out->size() == in.size()) {
    if (*out == in) return x;
    if (auto scales = scales_between(in, *out, mode)) return by_scales(g, x, *scales, mode);
    bool same = true;
    for (size_t i = 0; i < in.size(); ++i) same = same && picks_the_same(in[i], (*out)[i], mode);
    if (same) return by_sizes(g, x, *out, mode);
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i] == (*out)[i]) continue;
      x = pick_nearest(g, x, static_cast<int64_t>(i) + 2, in[i], (*out)[i], mode);
    }
    return x;
  }
  if (!factors || factors->size() != in.size()) refuse("neither sizes nor scale factors");
  // The factors that the user gave are what PyTorch maps coordinates with; sizes follow from them.
  std::vector<float> scales;
  for (size_t i = 0; i < in.size(); ++i) {
    auto scale = static_cast<float>((*factors)[i]);
    if (in[i].is_const()) {
      const auto n = static_cast<double>(in[i].value());
      const double wanted = std::floor(n * (*factors)[i]);
      if (std::floor(scale * n) < wanted) scale = std::nextafter(scale, 2 * scale);
    }
    scales.push_back(scale);
  }
  if (std::all_of(scales.begin(), scales.end(), [](float s) { return s == 1; })) return x;
  return by_scales(g, x, scales, mode);
}

// --- the shapes of the overloads ----------------------------------------------------------------

Value nearest_vec(Builder& g, Value x, std::optional<Shape> out, OptionalDoubles factors) {
  return resize(g, x, out, factors, kNearest);
}
Value nearest_exact_vec(Builder& g, Value x, std::optional<Shape> out, OptionalDoubles factors) {
  return resize(g, x, out, factors, kNearestExact);
}
Value linear_vec(Builder& g, Value x, std::optional<Shape> out, bool align,
                 OptionalDoubles factors) {
  return resize(g, x, out, factors, smooth("linear", align));
}
Value linear(Builder& g, Value x, Shape out, bool align, Ignored, Ignored) {
  return resize(g, x, out, std::nullopt, smooth("linear", align));
}
Value linear1d(Builder& g, Value x, Shape out, bool align, Ignored) {
  return resize(g, x, out, std::nullopt, smooth("linear", align));
}
Value linear3d(Builder& g, Value x, Shape out, bool align, Ignored, Ignored, Ignored) {
  return resize(g, x, out, std::nullopt, smooth("linear", align));
}
Value cubic_vec(Builder& g, Value x, std::optional<Shape> out, bool align,
                OptionalDoubles factors) {
  return resize(g, x, out, factors, smooth("cubic", align));
}
Value cubic(Builder& g, Value x, Shape out, bool align, Ignored, Ignored) {
  return resize(g, x, out, std::nullopt, smooth("cubic", align));
}

// --- sampling -----------------------------------------------------------------------------------

constexpr OpsetNeed kSampling = since(16, "grid_sample");
constexpr OpsetNeed kSampledVolumes = partly_since(20, "grid_sample of volumes");
constexpr OpsetNeed kUnknownGrid = partly_since(20, "affine_grid of volumes or of dynamic size");

// The names of the modes changed with opset 20, which also brought volumes.
Value grid_sample(Builder& g, Value x, Value grid, int64_t mode, int64_t padding,
                  bool align_corners) {
  if (Builder::rank(x) == 5) g.need_opset(kSampledVolumes);
  const bool renamed = g.opset() >= 20;
  const char* modes[] = {renamed ? "linear" : "bilinear", "nearest", renamed ? "cubic" : "bicubic"};
  const char* paddings[] = {"zeros", "border", "reflection"};
  if (mode < 0 || mode > 2 || padding < 0 || padding > 2) refuse("unknown mode of grid_sample");
  return g.op("GridSample", {x, grid},
              {{"align_corners", align_corners},
               {"mode", modes[mode]},
               {"padding_mode", paddings[padding]}});
}

// n points from -1 to 1: the corners, or the centres of n pixels.
double base_point(int64_t i, int64_t n, bool align_corners) {
  if (align_corners)
    return n == 1 ? 0.0 : -1.0 + 2.0 * static_cast<double>(i) / static_cast<double>(n - 1);
  return (2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(n) - 1.0;
}

// grid = [x y 1] theta^T for the constant points of the output.
Value affine_grid(Builder& g, Value theta, Shape size, bool align_corners) {
  if (size.size() != 4 || !size[2].is_const() || !size[3].is_const()) {
    g.need_opset(kUnknownGrid);
    return g.op("AffineGrid", {theta, g.shape_tensor(size)}, {{"align_corners", align_corners}});
  }
  const int64_t h = size[2].value();
  const int64_t w = size[3].value();
  std::vector<double> points;
  for (int64_t i = 0; i < h; ++i) {
    for (int64_t j = 0; j < w; ++j) {
      points.insert(points.end(),
                    {base_point(j, w, align_corners), base_point(i, h, align_corners), 1.0});
    }
  }
  Value base = g.constant(Tensor::of<double>(DType::kDouble, {h * w, 3}, points).cast(theta->dtype),
                          "affine_grid");
  Value grid = g.matmul(base, g.transpose(theta, {0, 2, 1}));
  return g.reshape(grid, {Builder::shape(theta)[0], size[2], size[3], Expr(2)});
}

}  // namespace

LOWER(
    "aten::upsample_nearest1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_vec);
LOWER(
    "aten::upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_vec);
LOWER(
    "aten::upsample_nearest3d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_vec);
LOWER(
    "aten::_upsample_nearest_exact1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_exact_vec);
LOWER(
    "aten::_upsample_nearest_exact2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_exact_vec);
LOWER(
    "aten::_upsample_nearest_exact3d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    nearest_exact_vec);
LOWER(
    "aten::upsample_linear1d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    linear_vec);
LOWER(
    "aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    linear_vec);
LOWER(
    "aten::upsample_trilinear3d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    linear_vec);
LOWER(
    "aten::upsample_bicubic2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    cubic_vec);
LOWER(
    "aten::_upsample_bilinear2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    [](Builder& g, Value x, std::optional<Shape> out, bool align, OptionalDoubles factors) {
      return resize(g, x, out, factors, smooth("linear", align, true));
    },
    kAntialias);
LOWER(
    "aten::_upsample_bicubic2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
    [](Builder& g, Value x, std::optional<Shape> out, bool align, OptionalDoubles factors) {
      return resize(g, x, out, factors, smooth("cubic", align, true));
    },
    kAntialias);

LOWER("aten::upsample_nearest1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor",
      [](Builder& g, Value x, Shape out, Ignored) {
        return resize(g, x, out, std::nullopt, kNearest);
      });
LOWER(
    "aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor",
    [](Builder& g, Value x, Shape out, Ignored, Ignored) {
      return resize(g, x, out, std::nullopt, kNearest);
    });
LOWER(
    "aten::upsample_nearest3d(Tensor self, SymInt[3] output_size, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor",
    [](Builder& g, Value x, Shape out, Ignored, Ignored, Ignored) {
      return resize(g, x, out, std::nullopt, kNearest);
    });
LOWER(
    "aten::_upsample_nearest_exact1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor",
    [](Builder& g, Value x, Shape out, Ignored) {
      return resize(g, x, out, std::nullopt, kNearestExact);
    });
LOWER(
    "aten::_upsample_nearest_exact2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor",
    [](Builder& g, Value x, Shape out, Ignored, Ignored) {
      return resize(g, x, out, std::nullopt, kNearestExact);
    });
LOWER(
    "aten::upsample_linear1d(Tensor self, SymInt[1] output_size, bool align_corners, float? scales=None) -> Tensor",
    linear1d);
LOWER(
    "aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    linear);
LOWER(
    "aten::upsample_trilinear3d(Tensor self, SymInt[3] output_size, bool align_corners, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor",
    linear3d);
LOWER(
    "aten::upsample_bicubic2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    cubic);
LOWER(
    "aten::_upsample_bilinear2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    [](Builder& g, Value x, Shape out, bool align, Ignored, Ignored) {
      return resize(g, x, out, std::nullopt, smooth("linear", align, true));
    },
    kAntialias);
LOWER(
    "aten::_upsample_bicubic2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
    [](Builder& g, Value x, Shape out, bool align, Ignored, Ignored) {
      return resize(g, x, out, std::nullopt, smooth("cubic", align, true));
    },
    kAntialias);

LOWER(
    "aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
    grid_sample, kSampling, kSampledVolumes);
LOWER(
    "aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
    grid_sample, kSampling);
LOWER(
    "aten::grid_sampler_3d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
    grid_sample, since(20, kSampledVolumes.what));
LOWER("aten::affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor",
      affine_grid, kUnknownGrid);

}  // namespace onnxport::lower
