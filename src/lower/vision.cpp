// torchvision's operators.
#include <fmt/format.h>

#include "lower/rule.h"

namespace onnxport::lower {

namespace {

// Boxes as corners in either order of x and y: NonMaxSuppression measures areas only.
Value nms(Builder& g, Value boxes, Value scores, double iou_threshold) {
  Value limit = g.ints({INT32_MAX});  // boxes that may stay: all
  Value threshold =
      g.constant(Tensor::of<float>(DType::kFloat, {1}, {static_cast<float>(iou_threshold)}));
  Value chosen = g.op("NonMaxSuppression",
                      {g.unsqueeze(g.cast(boxes, DType::kFloat), {0}),
                       g.unsqueeze(g.cast(scores, DType::kFloat), {0, 1}), limit, threshold});
  return g.gather(chosen, g.int_scalar(2), 1);  // [batch, class, box]
}

constexpr OpsetNeed kAligned = partly_since(16, "roi_align with aligned=True");

// Rows of rois: index in the batch, then the box.
Value roi_align(Builder& g, Value x, Value rois, double scale, int64_t height, int64_t width,
                int64_t sampling_ratio, bool aligned) {
  Values parts = g.split(rois, 1, {1, 4});
  Value batch = g.cast(g.squeeze(parts[0], {1}), DType::kInt64);
  Attributes attributes;
  if (g.opset() >= 16) {
    attributes.emplace_back("coordinate_transformation_mode",
                            aligned ? "half_pixel" : "output_half_pixel");
  } else if (aligned) {
    g.need_opset(kAligned);
  }
  attributes.emplace_back("mode", "avg");
  attributes.emplace_back("output_height", height);
  attributes.emplace_back("output_width", width);
  attributes.emplace_back("sampling_ratio", std::max<int64_t>(0, sampling_ratio));
  attributes.emplace_back("spatial_scale", scale);
  return g.op("RoiAlign", {x, parts[1], batch}, std::move(attributes));
}

Value deform_conv2d(Builder& g, Value x, Value weight, Value offset, Value mask, Value bias,
                    int64_t stride_h, int64_t stride_w, int64_t pad_h, int64_t pad_w,
                    int64_t dilation_h, int64_t dilation_w, int64_t groups, int64_t offset_groups,
                    bool use_mask) {
  using Ints = std::vector<int64_t>;
  const Shape& kernel = Builder::shape(weight);
  return g.op("DeformConv", {x, weight, offset, bias, use_mask ? mask : nullptr},
              {{"dilations", Ints{dilation_h, dilation_w}},
               {"group", groups},
               {"kernel_shape", Ints{kernel[2].value(), kernel[3].value()}},
               {"offset_group", offset_groups},
               {"pads", Ints{pad_h, pad_w, pad_h, pad_w}},
               {"strides", Ints{stride_h, stride_w}}});
}

Values roi_pool(Builder& g, Value x, Value rois, double scale, int64_t height, int64_t width) {
  return {g.op("MaxRoiPool", {x, rois},
               {{"pooled_shape", std::vector<int64_t>{height, width}}, {"spatial_scale", scale}}),
          nullptr};
}

}  // namespace

LOWER("torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", nms);
LOWER(
    "torchvision::roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    roi_align, kAligned);
LOWER(
    "torchvision::roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> (Tensor, Tensor)",
    roi_pool);
LOWER(
    "torchvision::deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",
    deform_conv2d, since(19, "deform_conv2d"));

}  // namespace onnxport::lower
