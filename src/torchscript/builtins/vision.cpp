// Functions of torchvision that go through the boxes one by one, as calls that do it for all at
// once.
#include "torchscript/builtins/vision.h"

#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

// torchvision.ops.boxes.batched_nms: boxes of different classes are moved apart, so that one nms
// does for all. torchvision goes class by class where there are many boxes, to the same end.
Ref batched_nms(Evaluator& e, Call& call, const std::vector<Ref>& args) {
  auto one = [&](const char* op, const char* overload, const Arguments& in) {
    return record(e, call, op, overload, in);
  };
  const Ref& boxes = args[0];
  const at::ScalarType type = e.data().dtype(boxes);
  // With a zero beside the coordinates: there may be no box at all.
  Ref flat = one("aten::flatten", "using_ints", {{"self", boxes}});
  Ref pad = int_list({plain(int64_t{0}), plain(int64_t{1})});
  flat = one("aten::constant_pad_nd", "", {{"self", flat}, {"pad", pad}});
  Ref reach = one("aten::add", "Scalar",
                  {{"self", one("aten::max", "", {{"self", flat}})}, {"other", plain(int64_t{1})}});
  const Ref classes = to_type(e, call, args[2], type);
  Ref offsets = one("aten::mul", "Tensor", {{"self", classes}, {"other", reach}});
  offsets = one("aten::unsqueeze", "", {{"self", offsets}, {"dim", plain(int64_t{1})}});
  Ref apart = one("aten::add", "Tensor", {{"self", boxes}, {"other", offsets}});
  return one("torchvision::nms", "",
             {{"dets", apart}, {"scores", args[1]}, {"iou_threshold", args[3]}});
}

// torchvision's paste_masks_in_image(masks [N, 1, M, M], boxes [N, 4], (height, width), padding):
// each mask, padded by zeros, is resized to its box and laid into a picture of zeros.
//
// Resizing is linear in each axis, so it is a product with a matrix of weights: row p of an axis
// has, for sample j, max(0, 1 - |s(p) - j|), where s(p) = (p - low + 0.5) * samples / size - 0.5,
// held between the first and the last sample, and nothing where p lies outside of the box. With
// such a matrix for each box and axis, every picture is rows * mask * columns^T, and no box needs a
// trip of a loop.
Ref paste_masks(Evaluator& e, Call& call, const std::vector<Ref>& args) {
  auto one = [&](const char* op, const char* overload, const Arguments& in) {
    return record(e, call, op, overload, in);
  };
  auto binary = [&](const char* op, const Ref& a, const Ref& b) {
    return one(op, b->is_tensor() ? "Tensor" : "Scalar", {{"self", a}, {"other", b}});
  };
  auto unsqueezed = [&](const Ref& x, int64_t dim) {
    return one("aten::unsqueeze", "", {{"self", x}, {"dim", plain(dim)}});
  };
  auto cut = [&](const Ref& x, int64_t start, int64_t end) {  // of axis 1
    return one(
        "aten::slice", "Tensor",
        {{"self", x}, {"dim", plain(int64_t{1})}, {"start", plain(start)}, {"end", plain(end)}});
  };
  const Ref& masks = args[0];
  const at::ScalarType type = e.data().dtype(masks);
  if (masks->tensor().dims.size() != 4 || !masks->tensor().dims[3].is_const()) {
    throw Refusal("pastes masks whose size depends on the data");
  }
  const int64_t padding = constant_int(args[3], "a padding");
  const int64_t side = masks->tensor().dims[3].value();
  const int64_t samples = side + 2 * padding;
  const double scale = static_cast<double>(samples) / static_cast<double>(side);

  // The boxes grow with the padding, and become whole numbers: in the very steps of torchvision.
  const Ref low = cut(args[1], 0, 2);
  const Ref high = cut(args[1], 2, 4);
  const Ref half = binary(
      "aten::mul", binary("aten::mul", binary("aten::sub", high, low), plain(0.5)), plain(scale));
  const Ref center = binary("aten::mul", binary("aten::add", high, low), plain(0.5));
  auto whole = [&](const Ref& x) { return to_type(e, call, to_type(e, call, x, at::kLong), type); };
  const Ref first = whole(binary("aten::sub", center, half));  // x, y
  const Ref last = whole(binary("aten::add", center, half));
  const Ref size = one("aten::clamp", "",
                       {{"self", binary("aten::add", binary("aten::sub", last, first), plain(1.0))},
                        {"min", plain(1.0)}});
  const Ref dtype = dtype_number(type);
  const Ref places = one("aten::arange", "", {{"end", plain(samples)}, {"dtype", dtype}});

  auto weights = [&](const Ref& extent, int64_t axis) {
    auto of_axis = [&](const Ref& x) { return cut(x, axis, axis + 1); };  // [N, 1]
    const Ref at = unsqueezed(one("aten::arange", "", {{"end", extent}, {"dtype", dtype}}), 0);
    const Ref step = binary("aten::mul", one("aten::reciprocal", "", {{"self", of_axis(size)}}),
                            plain(static_cast<double>(samples)));
    Ref from = binary("aten::add", binary("aten::sub", at, of_axis(first)), plain(0.5));
    from = binary("aten::sub", binary("aten::mul", from, step), plain(0.5));
    from = one(
        "aten::clamp", "",
        {{"self", from}, {"min", plain(0.0)}, {"max", plain(static_cast<double>(samples - 1))}});
    const Ref away =
        one("aten::abs", "", {{"self", binary("aten::sub", unsqueezed(from, 2), places)}});
    Ref hat = one("aten::clamp", "",
                  {{"self", one("aten::rsub", "Scalar", {{"self", away}, {"other", plain(1.0)}})},
                   {"min", plain(0.0)}});
    const Ref inside = one("aten::logical_and", "",
                           {{"self", binary("aten::ge", at, of_axis(first))},
                            {"other", binary("aten::le", at, of_axis(last))}});
    return binary("aten::mul", hat,
                  unsqueezed(to_type(e, call, inside, type), 2));  // [N, extent, samples]
  };
  const Ref pad = int_list({plain(padding), plain(padding), plain(padding), plain(padding)});
  Ref pasted = one("aten::constant_pad_nd", "", {{"self", masks}, {"pad", pad}});
  pasted = one("aten::select", "int",
               {{"self", pasted}, {"dim", plain(int64_t{1})}, {"index", plain(int64_t{0})}});
  const Ref rows = weights(args[2]->items().at(0), 1);
  const Ref columns = one("aten::transpose", "int",
                          {{"self", weights(args[2]->items().at(1), 0)},
                           {"dim0", plain(int64_t{1})},
                           {"dim1", plain(int64_t{2})}});
  pasted = one("aten::matmul", "", {{"self", rows}, {"other", pasted}});
  pasted = one("aten::matmul", "", {{"self", pasted}, {"other", columns}});
  return unsqueezed(pasted, 1);
}

}  // namespace

bool vision_function(Evaluator& e, Call& call, const std::string& name,
                     const std::vector<Ref>& args) {
  if (args.size() != 4 || !args[0]->is_tensor() || !args[1]->is_tensor()) return false;
  if (name.ends_with("torchvision.ops.boxes.batched_nms") &&
      !(e.data().is_known(args[0]) && e.data().is_known(args[1]))) {
    call.out = {batched_nms(e, call, args)};
    return true;
  }
  if (name.ends_with("detection.roi_heads.paste_masks_in_image") && !e.data().is_known(args[1])) {
    call.out = {paste_masks(e, call, args)};
    return true;
  }
  return false;
}

}  // namespace onnxport::torchscript
