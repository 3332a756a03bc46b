// torchvision's operators for libtorch, which has none: without their schemas a scripted detector
// does not even load, and without kernels there is nothing to verify it by. Written from the
// operators' definitions; where torchvision's own library is in the process already, it stays.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

namespace onnxport::torch_plugin {
namespace {

using at::Tensor;

// Boxes in order of falling score; one is kept if it overlaps no kept one by more than the limit.
Tensor nms(const Tensor& dets, const Tensor& scores, double iou_threshold) {
  TORCH_CHECK(dets.dim() == 2 && dets.size(1) == 4, "nms: boxes must be [N, 4]");
  TORCH_CHECK(scores.dim() == 1 && scores.size(0) == dets.size(0), "nms: one score per box");
  const Tensor boxes = dets.to(at::kFloat).contiguous();
  const Tensor order = std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  const auto* box = boxes.const_data_ptr<float>();
  const auto* rank = order.const_data_ptr<int64_t>();
  const int64_t n = dets.size(0);
  auto area = [&](int64_t i) {
    return (box[4 * i + 2] - box[4 * i]) * (box[4 * i + 3] - box[4 * i + 1]);
  };
  std::vector<int64_t> kept;
  std::vector<bool> gone(static_cast<size_t>(n), false);
  for (int64_t a = 0; a < n; ++a) {
    const int64_t i = rank[a];
    if (gone[static_cast<size_t>(i)]) continue;
    kept.push_back(i);
    for (int64_t b = a + 1; b < n; ++b) {
      const int64_t j = rank[b];
      if (gone[static_cast<size_t>(j)]) continue;
      const float width = std::max(
          0.0F, std::min(box[4 * i + 2], box[4 * j + 2]) - std::max(box[4 * i], box[4 * j]));
      const float height = std::max(0.0F, std::min(box[4 * i + 3], box[4 * j + 3]) -
                                              std::max(box[4 * i + 1], box[4 * j + 1]));
      const float shared = width * height;
      if (shared / (area(i) + area(j) - shared) > iou_threshold)
        gone[static_cast<size_t>(j)] = true;
    }
  }
  Tensor out = at::empty({static_cast<int64_t>(kept.size())}, at::kLong);
  std::copy(kept.begin(), kept.end(), out.mutable_data_ptr<int64_t>());
  return out;
}

// One bilinear sample of a plane; zero outside of a border of one.
template <typename T>
T bilinear(const T* plane, int64_t height, int64_t width, T y, T x) {
  if (y < -1.0 || y > static_cast<T>(height) || x < -1.0 || x > static_cast<T>(width)) return 0;
  y = std::max<T>(y, 0);
  x = std::max<T>(x, 0);
  auto y0 = static_cast<int64_t>(y);
  auto x0 = static_cast<int64_t>(x);
  int64_t y1 = y0 + 1;
  int64_t x1 = x0 + 1;
  if (y0 >= height - 1) {
    y0 = y1 = height - 1;
    y = static_cast<T>(y0);
  }
  if (x0 >= width - 1) {
    x0 = x1 = width - 1;
    x = static_cast<T>(x0);
  }
  const T dy = y - static_cast<T>(y0);
  const T dx = x - static_cast<T>(x0);
  return (1 - dy) * ((1 - dx) * plane[y0 * width + x0] + dx * plane[y0 * width + x1]) +
         dy * ((1 - dx) * plane[y1 * width + x0] + dx * plane[y1 * width + x1]);
}

struct Grid {
  int64_t height, width;  // bins
  double scale;
  int64_t sampling_ratio;
  bool aligned;
  bool by_position;  // every bin has channels of its own (R-FCN)
};

// Each bin is the mean of samples on a regular grid in it.
template <typename T>
void align(const Tensor& input, const Tensor& rois, const Grid& g, Tensor& out, Tensor* places) {
  const int64_t channels = input.size(1);
  const int64_t height = input.size(2);
  const int64_t width = input.size(3);
  const int64_t out_channels = out.size(1);
  const T* data = input.const_data_ptr<T>();
  T* result = out.mutable_data_ptr<T>();
  const T offset = g.aligned || g.by_position ? static_cast<T>(0.5) : static_cast<T>(0);
  for (int64_t r = 0; r < rois.size(0); ++r) {
    const T* roi = rois.const_data_ptr<T>() + 5 * r;
    const auto scale = static_cast<T>(g.scale);
    const T left = roi[1] * scale - offset;
    const T top = roi[2] * scale - offset;
    T roi_width = roi[3] * scale - offset - left;
    T roi_height = roi[4] * scale - offset - top;
    if (!g.aligned && !g.by_position) {
      roi_width = std::max<T>(roi_width, 1);
      roi_height = std::max<T>(roi_height, 1);
    }
    const T bin_height = roi_height / static_cast<T>(g.height);
    const T bin_width = roi_width / static_cast<T>(g.width);
    auto samples = [&](T extent, int64_t bins) {
      if (g.sampling_ratio > 0) return g.sampling_ratio;
      return static_cast<int64_t>(std::ceil(extent / static_cast<T>(bins)));
    };
    const int64_t rows = samples(roi_height, g.height);
    const int64_t columns = samples(roi_width, g.width);
    const T count = static_cast<T>(std::max<int64_t>(rows * columns, 1));
    const auto image = static_cast<int64_t>(roi[0]);
    TORCH_CHECK(image >= 0 && image < input.size(0), "roi_align: a roi of image ", image);
    for (int64_t c = 0; c < out_channels; ++c) {
      for (int64_t ph = 0; ph < g.height; ++ph) {
        for (int64_t pw = 0; pw < g.width; ++pw) {
          const int64_t from = g.by_position ? (c * g.height + ph) * g.width + pw : c;
          const T* plane = data + (image * channels + from) * height * width;
          T sum = 0;
          for (int64_t iy = 0; iy < rows; ++iy) {
            const T y =
                top + static_cast<T>(ph) * bin_height +
                (static_cast<T>(iy) + static_cast<T>(0.5)) * bin_height / static_cast<T>(rows);
            for (int64_t ix = 0; ix < columns; ++ix) {
              const T x =
                  left + static_cast<T>(pw) * bin_width +
                  (static_cast<T>(ix) + static_cast<T>(0.5)) * bin_width / static_cast<T>(columns);
              sum += bilinear(plane, height, width, y, x);
            }
          }
          const int64_t at = ((r * out_channels + c) * g.height + ph) * g.width + pw;
          result[at] = sum / count;
          if (places != nullptr)
            places->mutable_data_ptr<int32_t>()[at] = static_cast<int32_t>(from);
        }
      }
    }
  }
}

void check_rois(const Tensor& input, const Tensor& rois) {
  TORCH_CHECK(input.dim() == 4, "the input must be [N, C, H, W]");
  TORCH_CHECK(rois.dim() == 2 && rois.size(1) == 5, "rois must be [K, 5]");
  TORCH_CHECK(rois.scalar_type() == input.scalar_type(), "rois and input have different types");
}

void run_align(const Tensor& input, const Tensor& rois, const Grid& g, Tensor& out,
               Tensor* places) {
  if (input.scalar_type() == at::kDouble) {
    align<double>(input.contiguous(), rois.contiguous(), g, out, places);
  } else {
    TORCH_CHECK(input.scalar_type() == at::kFloat, "roi_align: float32 or float64");
    align<float>(input.contiguous(), rois.contiguous(), g, out, places);
  }
}

Tensor roi_align(const Tensor& input, const Tensor& rois, double scale, int64_t height,
                 int64_t width, int64_t sampling_ratio, bool aligned) {
  check_rois(input, rois);
  Tensor out = at::empty({rois.size(0), input.size(1), height, width}, input.options());
  run_align(input, rois, {height, width, scale, sampling_ratio, aligned, false}, out, nullptr);
  return out;
}

std::tuple<Tensor, Tensor> ps_roi_align(const Tensor& input, const Tensor& rois, double scale,
                                        int64_t height, int64_t width, int64_t sampling_ratio) {
  check_rois(input, rois);
  TORCH_CHECK(input.size(1) % (height * width) == 0, "channels must be a multiple of the bins");
  const int64_t channels = input.size(1) / (height * width);
  Tensor out = at::empty({rois.size(0), channels, height, width}, input.options());
  Tensor places = at::zeros(out.sizes(), at::kInt);
  run_align(input, rois, {height, width, scale, sampling_ratio, false, true}, out, &places);
  return {out, places};
}

// The greatest element of each bin of a box with whole-numbered corners.
template <typename T>
void pool(const Tensor& input, const Tensor& rois, double scale, Tensor& out, Tensor& places) {
  const int64_t height = input.size(2);
  const int64_t width = input.size(3);
  const int64_t bins_y = out.size(2);
  const int64_t bins_x = out.size(3);
  T* result = out.mutable_data_ptr<T>();
  auto* place = places.mutable_data_ptr<int32_t>();
  for (int64_t r = 0; r < rois.size(0); ++r) {
    const T* roi = rois.const_data_ptr<T>() + 5 * r;
    auto corner = [&](int i) {
      return static_cast<int64_t>(std::round(roi[i] * static_cast<T>(scale)));
    };
    const int64_t left = corner(1);
    const int64_t top = corner(2);
    const T bin_height =
        static_cast<T>(std::max<int64_t>(corner(4) - top + 1, 1)) / static_cast<T>(bins_y);
    const T bin_width =
        static_cast<T>(std::max<int64_t>(corner(3) - left + 1, 1)) / static_cast<T>(bins_x);
    auto bounded = [](int64_t v, int64_t limit) { return std::clamp<int64_t>(v, 0, limit); };
    for (int64_t c = 0; c < input.size(1); ++c) {
      const T* plane = input.const_data_ptr<T>() +
                       (static_cast<int64_t>(roi[0]) * input.size(1) + c) * height * width;
      for (int64_t ph = 0; ph < bins_y; ++ph) {
        for (int64_t pw = 0; pw < bins_x; ++pw) {
          auto low = [](int64_t i, T size) {
            return static_cast<int64_t>(std::floor(static_cast<T>(i) * size));
          };
          auto high = [](int64_t i, T size) {
            return static_cast<int64_t>(std::ceil(static_cast<T>(i + 1) * size));
          };
          const int64_t y0 = bounded(low(ph, bin_height) + top, height);
          const int64_t y1 = bounded(high(ph, bin_height) + top, height);
          const int64_t x0 = bounded(low(pw, bin_width) + left, width);
          const int64_t x1 = bounded(high(pw, bin_width) + left, width);
          const bool empty = y1 <= y0 || x1 <= x0;
          T best = empty ? 0 : std::numeric_limits<T>::lowest();
          int32_t where = -1;
          for (int64_t y = y0; y < y1; ++y) {
            for (int64_t x = x0; x < x1; ++x) {
              if (plane[y * width + x] <= best) continue;
              best = plane[y * width + x];
              where = static_cast<int32_t>(y * width + x);
            }
          }
          *result++ = best;
          *place++ = where;
        }
      }
    }
  }
}

std::tuple<Tensor, Tensor> roi_pool(const Tensor& input, const Tensor& rois, double scale,
                                    int64_t height, int64_t width) {
  check_rois(input, rois);
  Tensor out = at::empty({rois.size(0), input.size(1), height, width}, input.options());
  Tensor places = at::empty(out.sizes(), at::kInt);
  const Tensor x = input.contiguous();
  const Tensor boxes = rois.contiguous();
  if (input.scalar_type() == at::kDouble) {
    pool<double>(x, boxes, scale, out, places);
  } else {
    TORCH_CHECK(input.scalar_type() == at::kFloat, "roi_pool: float32 or float64");
    pool<float>(x, boxes, scale, out, places);
  }
  return {out, places};
}

struct Deform {
  int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups, offset_groups;
};

// Samples at the places that the offsets move the kernel to, then a matrix product per group.
template <typename T>
void deformed(const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask,
              const Deform& d, bool use_mask, Tensor& out) {
  const int64_t kh = weight.size(2);
  const int64_t kw = weight.size(3);
  const int64_t height = input.size(2);
  const int64_t width = input.size(3);
  const int64_t oh = out.size(2);
  const int64_t ow = out.size(3);
  const int64_t channels = input.size(1);
  const int64_t per_offset = channels / d.offset_groups;
  for (int64_t n = 0; n < input.size(0); ++n) {
    Tensor columns = at::empty({channels * kh * kw, oh * ow}, input.options());
    T* column = columns.mutable_data_ptr<T>();
    const T* moves = offset.const_data_ptr<T>() + n * offset.size(1) * oh * ow;
    const T* weights = use_mask ? mask.const_data_ptr<T>() + n * mask.size(1) * oh * ow : nullptr;
    for (int64_t c = 0; c < channels; ++c) {
      const T* plane = input.const_data_ptr<T>() + (n * channels + c) * height * width;
      for (int64_t k = 0; k < kh * kw; ++k) {
        const int64_t tap = (c / per_offset) * kh * kw + k;
        for (int64_t p = 0; p < oh * ow; ++p) {
          const int64_t top = p / ow * d.stride_h - d.pad_h + k / kw * d.dilation_h;
          const int64_t left = p % ow * d.stride_w - d.pad_w + k % kw * d.dilation_w;
          const T y = static_cast<T>(top) + moves[2 * tap * oh * ow + p];
          const T x = static_cast<T>(left) + moves[(2 * tap + 1) * oh * ow + p];
          T sum = 0;
          const T fy = std::floor(y);
          const T fx = std::floor(x);
          for (int corner = 0; corner < 4; ++corner) {
            const auto cy = static_cast<int64_t>(fy) + corner / 2;
            const auto cx = static_cast<int64_t>(fx) + corner % 2;
            if (cy < 0 || cy >= height || cx < 0 || cx >= width) continue;
            const T wy = corner / 2 == 0 ? 1 - (y - fy) : y - fy;
            const T wx = corner % 2 == 0 ? 1 - (x - fx) : x - fx;
            sum += wy * wx * plane[cy * width + cx];
          }
          *column++ = use_mask ? sum * weights[tap * oh * ow + p] : sum;
        }
      }
    }
    const Tensor grouped = columns.view({d.groups, channels / d.groups * kh * kw, oh * ow});
    const Tensor kernels = weight.reshape({d.groups, weight.size(0) / d.groups, -1});
    out[n].copy_(kernels.bmm(grouped).view({weight.size(0), oh, ow}));
  }
}

Tensor deform_conv2d(const Tensor& input, const Tensor& weight, const Tensor& offset,
                     const Tensor& mask, const Tensor& bias, int64_t stride_h, int64_t stride_w,
                     int64_t pad_h, int64_t pad_w, int64_t dilation_h, int64_t dilation_w,
                     int64_t groups, int64_t offset_groups, bool use_mask) {
  TORCH_CHECK(input.dim() == 4 && weight.dim() == 4 && offset.dim() == 4, "deform_conv2d: ranks");
  TORCH_CHECK(groups > 0 && offset_groups > 0 && input.size(1) % offset_groups == 0 &&
                  input.size(1) == weight.size(1) * groups && weight.size(0) % groups == 0,
              "deform_conv2d: channels do not fit the groups");
  TORCH_CHECK(stride_h > 0 && stride_w > 0, "deform_conv2d: strides must be positive");
  auto size = [](int64_t in, int64_t pad, int64_t dilation, int64_t kernel, int64_t stride) {
    return (in + 2 * pad - (dilation * (kernel - 1) + 1)) / stride + 1;
  };
  const int64_t oh = size(input.size(2), pad_h, dilation_h, weight.size(2), stride_h);
  const int64_t ow = size(input.size(3), pad_w, dilation_w, weight.size(3), stride_w);
  const int64_t taps = offset_groups * weight.size(2) * weight.size(3);
  TORCH_CHECK(oh > 0 && ow > 0 && offset.size(0) == input.size(0) && offset.size(1) == 2 * taps &&
                  offset.size(2) == oh && offset.size(3) == ow,
              "deform_conv2d: the offsets' shape does not fit");
  TORCH_CHECK(!use_mask || (mask.dim() == 4 && mask.size(0) == input.size(0) &&
                            mask.size(1) == taps && mask.size(2) == oh && mask.size(3) == ow),
              "deform_conv2d: the mask's shape does not fit");
  Tensor out = at::empty({input.size(0), weight.size(0), oh, ow}, input.options());
  const Deform d{stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups, offset_groups};
  auto run = [&](auto zero) {
    deformed<decltype(zero)>(input.contiguous(), weight.contiguous(), offset.contiguous(),
                             mask.contiguous(), d, use_mask, out);
  };
  if (input.scalar_type() == at::kDouble) {
    run(0.0);
  } else {
    TORCH_CHECK(input.scalar_type() == at::kFloat, "deform_conv2d: float32 or float64");
    run(0.0F);
  }
  return out.add_(bias.view({1, -1, 1, 1}));
}

// torchvision's schemas, letter by letter: archives name them.
constexpr const char* kSchemas[] = {
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio) -> (Tensor, Tensor)",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",
    // Named by code that scripted detectors carry but do not run.
    "box_iou_rotated(Tensor boxes1, Tensor boxes2) -> Tensor",
    "_cuda_version() -> int",
};

// What both libraries need to live as long as the process.
struct Library {
  torch::Library schemas{torch::Library::FRAGMENT, "torchvision", std::nullopt, __FILE__, __LINE__};
  torch::Library kernels{torch::Library::IMPL, "torchvision", c10::DispatchKey::CPU, __FILE__,
                         __LINE__};
};

bool define() {
  if (c10::Dispatcher::singleton().findSchema({"torchvision::nms", ""})) return true;
  static Library library;
  for (const char* schema : kSchemas) library.schemas.def(schema);
  library.kernels.impl("nms", nms);
  library.kernels.impl("roi_align", roi_align);
  library.kernels.impl("ps_roi_align", ps_roi_align);
  library.kernels.impl("roi_pool", roi_pool);
  library.kernels.impl("deform_conv2d", deform_conv2d);
  return true;
}
const bool kDefined = define();

}  // namespace
}  // namespace onnxport::torch_plugin
