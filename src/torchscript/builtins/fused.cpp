// The fused calls that PyTorch's fast path for attention leaves in a traced model, as the calls
// that they stand for (aten/src/ATen/native/transformers).
#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

bool flag(const Call& call, const char* name) {
  const Ref& value = call.argument(name);
  return value->is_bool() && value->at()[0].toBool();
}

struct Attention {
  Ref query, key, value, heads, qkv_weight, qkv_bias, proj_weight, proj_bias, mask, mask_type;
};

// self-attention: (x Wqkv + b) split into heads, softmax(q k / sqrt(d)) v, projected.
Ref attend(Evaluator& e, Call& call, const Attention& a) {
  auto one = [&](const char* op, const char* overload, const Arguments& args) {
    return record(e, call, op, overload, args);
  };
  auto number = [](int64_t v) { return plain(v); };
  const int64_t heads = constant_int(a.heads, "the number of heads");
  const Shape& dims = a.query->tensor().dims;
  if (dims.size() != 3 || !dims[2].is_const()) throw Refusal("attends over an unusual shape");
  const int64_t width = dims[2].value();
  std::vector<Ref> parts;
  if (a.query == a.key && a.key == a.value) {
    Ref qkv = one("aten::linear", "",
                  {{"input", a.query}, {"weight", a.qkv_weight}, {"bias", a.qkv_bias}});
    Ref chunks =
        one("aten::chunk", "", {{"self", qkv}, {"chunks", number(3)}, {"dim", number(-1)}});
    parts = chunks->items();
  } else {
    Ref weights =
        one("aten::chunk", "", {{"self", a.qkv_weight}, {"chunks", number(3)}, {"dim", number(0)}});
    Ref biases =
        one("aten::chunk", "", {{"self", a.qkv_bias}, {"chunks", number(3)}, {"dim", number(0)}});
    const Ref from[] = {a.query, a.key, a.value};
    for (size_t i = 0; i < 3; ++i) {
      parts.push_back(
          one("aten::linear", "",
              {{"input", from[i]}, {"weight", weights->items()[i]}, {"bias", biases->items()[i]}}));
    }
  }
  for (Ref& part : parts) {
    Ref sizes =
        int_list({size_number(e, part->tensor().dims[0]), size_number(e, part->tensor().dims[1]),
                  number(heads), number(width / heads)});
    Ref split = one("aten::view", "", {{"self", part}, {"size", sizes}});
    part =
        one("aten::transpose", "int", {{"self", split}, {"dim0", number(1)}, {"dim1", number(2)}});
  }
  Arguments args = {{"query", parts[0]}, {"key", parts[1]}, {"value", parts[2]}};
  if (a.mask && !a.mask->is_none()) {
    // True: not to be looked at. Type 1: one row per sequence; else all queries share a matrix.
    Ref mask = a.mask;
    const bool is_bool = e.data().dtype(mask) == at::kBool;
    if (mask->tensor().dims.size() == 2) {
      const int64_t type =
          a.mask_type && a.mask_type->is_int() ? constant_int(a.mask_type, "the mask's type") : 0;
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
  Ref sizes = int_list({size_number(e, dims[0]), size_number(e, dims[1]), number(width)});
  Ref flat = one("aten::reshape", "", {{"self", back}, {"shape", sizes}});
  return one("aten::linear", "",
             {{"input", flat}, {"weight", a.proj_weight}, {"bias", a.proj_bias}});
}

Attention attention_of(const Call& call, const Ref& query, const Ref& key, const Ref& value,
                       const char* heads) {
  auto in = [&](const char* name) { return call.argument(name); };
  return {query,
          key,
          value,
          in(heads),
          in("qkv_weight"),
          in("qkv_bias"),
          in("proj_weight"),
          in("proj_bias"),
          in("mask"),
          in("mask_type")};
}

BUILTIN("aten::_native_multi_head_attention", [](Evaluator& e, Call& call) {
  if (flag(call, "need_weights")) {
    throw Refusal("returns the attention's weights; call the module with need_weights=False");
  }
  const Attention a = attention_of(call, call.argument("query"), call.argument("key"),
                                   call.argument("value"), "num_head");
  call.out = {attend(e, call, a), none()};
  return true;
});

// One layer of nn.TransformerEncoder.
BUILTIN("aten::_transformer_encoder_layer_fwd", [](Evaluator& e, Call& call) {
  auto in = [&](const char* name) { return call.argument(name); };
  auto one = [&](const char* op, const char* overload, const Arguments& args) {
    return record(e, call, op, overload, args);
  };
  auto norm = [&](const Ref& x, const char* weight, const char* bias) {
    Ref shape = int_list({size_number(e, x->tensor().dims.back())});
    return one("aten::layer_norm", "",
               {{"input", x},
                {"normalized_shape", shape},
                {"weight", in(weight)},
                {"bias", in(bias)},
                {"eps", in("eps")}});
  };
  auto feed_forward = [&](const Ref& x) {
    Ref up = one("aten::linear", "",
                 {{"input", x}, {"weight", in("ffn_weight_1")}, {"bias", in("ffn_bias_1")}});
    Ref active = one(flag(call, "use_gelu") ? "aten::gelu" : "aten::relu", "", {{"self", up}});
    return one("aten::linear", "",
               {{"input", active}, {"weight", in("ffn_weight_2")}, {"bias", in("ffn_bias_2")}});
  };
  auto add = [&](const Ref& a, const Ref& b) {
    return one("aten::add", "Tensor", {{"self", a}, {"other", b}});
  };
  const bool first = flag(call, "norm_first");
  Ref x = in("src");
  Ref query = first ? norm(x, "norm_weight_1", "norm_bias_1") : x;
  const Attention a = attention_of(call, query, query, query, "num_heads");
  x = add(x, attend(e, call, a));
  if (!first) x = norm(x, "norm_weight_1", "norm_bias_1");
  x = add(x, feed_forward(first ? norm(x, "norm_weight_2", "norm_bias_2") : x));
  if (!first) x = norm(x, "norm_weight_2", "norm_bias_2");
  call.out = {x};
  return true;
});

}  // namespace
}  // namespace onnxport::torchscript
