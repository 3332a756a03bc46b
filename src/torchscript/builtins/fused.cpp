// The fused calls that PyTorch's fast path for attention leaves in a traced model, as the calls
// that they stand for (aten/src/ATen/native/transformers).
#include <fmt/format.h>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

// Arguments by their names in the schema.
class Arguments {
 public:
  explicit Arguments(const Call& call) : call_(call) {}
  const Ref& operator[](const char* name) const {
    auto index = call_.node->schema().argumentIndexWithName(name);
    if (!index) throw Refusal(fmt::format("has no argument `{}`", name));
    return call_.in.at(static_cast<size_t>(*index));
  }
  bool flag(const char* name) const {
    const Ref& value = (*this)[name];
    return value->is_bool() && value->at[0].toBool();
  }

 private:
  const Call& call_;
};

struct Attention {
  Ref query, key, value, heads, qkv_weight, qkv_bias, proj_weight, proj_bias, mask, mask_type;
};

}  // namespace

// self-attention: (x Wqkv + b) split into heads, softmax(q k / sqrt(d)) v, projected.
static Ref attend(Evaluator& evaluator, Call& call, const Attention& a) {
  auto one = [&](const char* op, const char* overload,
                 const std::vector<std::pair<std::string, Ref>>& args) {
    return evaluator.record(call, op, overload, args)[0];
  };
  auto ints = [&](std::vector<Ref> items) { return evaluator.list(c10::IntType::get(), items); };
  auto number = [&](int64_t v) { return evaluator.plain(v); };
  const int64_t heads = evaluator.constant_int(a.heads, "the number of heads");
  const Shape& dims = a.query->dims;
  if (dims.size() != 3 || !dims[2].is_const()) throw Refusal("attends over an unusual shape");
  const int64_t width = dims[2].value();
  std::vector<Ref> parts;
  if (a.query == a.key && a.key == a.value) {
    Ref qkv = one("aten::linear", "",
                  {{"input", a.query}, {"weight", a.qkv_weight}, {"bias", a.qkv_bias}});
    Ref chunks =
        one("aten::chunk", "", {{"self", qkv}, {"chunks", number(3)}, {"dim", number(-1)}});
    parts = chunks->items;
  } else {
    Ref weights =
        one("aten::chunk", "", {{"self", a.qkv_weight}, {"chunks", number(3)}, {"dim", number(0)}});
    Ref biases =
        one("aten::chunk", "", {{"self", a.qkv_bias}, {"chunks", number(3)}, {"dim", number(0)}});
    const Ref from[] = {a.query, a.key, a.value};
    for (size_t i = 0; i < 3; ++i) {
      parts.push_back(
          one("aten::linear", "",
              {{"input", from[i]}, {"weight", weights->items[i]}, {"bias", biases->items[i]}}));
    }
  }
  for (Ref& part : parts) {
    Ref sizes = ints({evaluator.size_number(part->dims[0]), evaluator.size_number(part->dims[1]),
                      number(heads), number(width / heads)});
    Ref split = one("aten::view", "", {{"self", part}, {"size", sizes}});
    part =
        one("aten::transpose", "int", {{"self", split}, {"dim0", number(1)}, {"dim1", number(2)}});
  }
  std::vector<std::pair<std::string, Ref>> args = {
      {"query", parts[0]}, {"key", parts[1]}, {"value", parts[2]}};
  if (a.mask && !a.mask->is_none()) {
    // True: not to be looked at. Type 1: one row per sequence; else all queries share a matrix.
    Ref mask = a.mask;
    if (mask->tensors.empty()) evaluator.sample_tensor(mask, 0, true);
    const bool is_bool = mask->tensors[0].scalar_type() == at::kBool;
    if (mask->dims.size() == 2) {
      const int64_t type = a.mask_type && a.mask_type->is_int()
                               ? evaluator.constant_int(a.mask_type, "the mask's type")
                               : 0;
      if (type == 1) {
        mask = one("aten::unsqueeze", "", {{"self", mask}, {"dim", number(1)}});
        mask = one("aten::unsqueeze", "", {{"self", mask}, {"dim", number(1)}});
      }
    }
    if (is_bool) mask = one("aten::logical_not", "", {{"self", mask}});
    args.emplace_back("attn_mask", mask);
  }
  Ref seen = one("aten::scaled_dot_product_attention", "", args);
  Ref back =
      one("aten::transpose", "int", {{"self", seen}, {"dim0", number(1)}, {"dim1", number(2)}});
  Ref sizes = ints({evaluator.size_number(dims[0]), evaluator.size_number(dims[1]), number(width)});
  Ref flat = one("aten::reshape", "", {{"self", back}, {"shape", sizes}});
  return one("aten::linear", "",
             {{"input", flat}, {"weight", a.proj_weight}, {"bias", a.proj_bias}});
}

bool Evaluator::fused_attention(Call& call) {
  Arguments in(call);
  if (in.flag("need_weights")) {
    throw Refusal("returns the attention's weights; call the module with need_weights=False");
  }
  Attention a{in["query"],    in["key"],         in["value"],     in["num_head"], in["qkv_weight"],
              in["qkv_bias"], in["proj_weight"], in["proj_bias"], in["mask"],     in["mask_type"]};
  call.out = {attend(*this, call, a), none()};
  return true;
}

// One layer of nn.TransformerEncoder.
bool Evaluator::fused_encoder(Call& call) {
  Arguments in(call);
  auto one = [&](const char* op, const char* overload,
                 const std::vector<std::pair<std::string, Ref>>& args) {
    return record(call, op, overload, args)[0];
  };
  auto norm = [&](const Ref& x, const char* weight, const char* bias) {
    Ref shape = list(c10::IntType::get(), {size_number(x->dims.back())});
    return one("aten::layer_norm", "",
               {{"input", x},
                {"normalized_shape", shape},
                {"weight", in[weight]},
                {"bias", in[bias]},
                {"eps", in["eps"]}});
  };
  auto feed_forward = [&](const Ref& x) {
    Ref up = one("aten::linear", "",
                 {{"input", x}, {"weight", in["ffn_weight_1"]}, {"bias", in["ffn_bias_1"]}});
    Ref active = one(in.flag("use_gelu") ? "aten::gelu" : "aten::relu", "", {{"self", up}});
    return one("aten::linear", "",
               {{"input", active}, {"weight", in["ffn_weight_2"]}, {"bias", in["ffn_bias_2"]}});
  };
  auto add = [&](const Ref& a, const Ref& b) {
    return one("aten::add", "Tensor", {{"self", a}, {"other", b}});
  };
  const bool first = in.flag("norm_first");
  Ref x = in["src"];
  Ref query = first ? norm(x, "norm_weight_1", "norm_bias_1") : x;
  Attention a{query,
              query,
              query,
              in["num_heads"],
              in["qkv_weight"],
              in["qkv_bias"],
              in["proj_weight"],
              in["proj_bias"],
              in["mask"],
              in["mask_type"]};
  x = add(x, attend(*this, call, a));
  if (!first) x = norm(x, "norm_weight_1", "norm_bias_1");
  x = add(x, feed_forward(first ? norm(x, "norm_weight_2", "norm_bias_2") : x));
  if (!first) x = norm(x, "norm_weight_2", "norm_bias_2");
  call.out = {x};
  return true;
}

}  // namespace onnxport::torchscript
