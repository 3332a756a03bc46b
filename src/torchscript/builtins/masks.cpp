// Calls whose results have sizes that only the data tells, and calls that stand for several.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

bool is_mask(const Ref& value) {
  if (!value->is_tensor() || value->tensors.empty()) return false;
  const at::ScalarType type = value->tensors[0].scalar_type();
  return type == at::kBool || type == at::kByte;
}

const c10::FunctionSchema& schema_of(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), "").schema();
}

}  // namespace

// Calls of which record() asks for the results' sizes.
bool Evaluator::has_data_size(Call& call) {
  if (call.name == "torchvision::nms") return nms(call);
  if (call.name == "aten::nonzero" || call.name == "aten::nonzero_numpy") return nonzero(call);
  return false;
}

bool Evaluator::all_known(const Call& call) {
  std::function<bool(const Ref&)> known = [&](const Ref& value) {
    if (value->is_tensor()) return is_known(value);
    return std::all_of(value->items.begin(), value->items.end(), known);
  };
  return std::all_of(call.in.begin(), call.in.end(), known);
}

Ref Evaluator::sized_by_data(Call& call, aten::Node& node, const Shape& dims, at::ScalarType type) {
  Ref out = meta_like(call, at::empty({0}, at::TensorOptions(type).device(at::kMeta)), dims,
                      node.op.substr(node.op.find("::") + 2).c_str());
  node.outputs.push_back(out->id);
  return out;
}

// How many elements of a tensor are not zero. What is picked out twice with one mask is as long
// both times: a detector takes scores with it and, apart from them, indices.
Expr Evaluator::count_of(const Ref& mask) {
  if (mask->tensors.empty() || !mask->tensors[0].is_meta()) return fresh_symbol(hints(), "n");
  const size_t writes = writes_to(mask);
  if (!mask->count || mask->counted_at != writes) {
    mask->count = fresh_symbol(hints(), "n");
    mask->counted_at = writes;
  }
  return *mask->count;
}

bool Evaluator::nonzero(Call& call) {
  if (all_known(call)) return false;
  const Ref& x = call.in[0];
  const Expr count = count_of(x);
  const auto rank = static_cast<int64_t>(x->dims.size());
  aten::Node node = node_of(call, schema_of(call.name));
  if (call.name == "aten::nonzero_numpy") {
    std::vector<Ref> parts;
    for (int64_t i = 0; i < rank; ++i)
      parts.push_back(sized_by_data(call, node, {count}, at::kLong));
    call.out = {list(c10::TensorType::get(), std::move(parts))};
  } else {
    call.out = {sized_by_data(call, node, {count, Expr(rank)}, at::kLong)};
  }
  nodes_->push_back(std::move(node));
  return true;
}

// where(condition): the indices of what is true, one tensor per dimension.
bool Evaluator::where_one(Call& call) {
  if (call.in.size() != 1 || all_known(call)) return false;
  const Ref& x = call.in[0];
  Ref found = record(call, "aten::nonzero_numpy", "", {{"self", x}})[0];
  call.out = {found};
  return true;
}

bool Evaluator::masked_select(Call& call) {
  if (all_known(call)) return false;
  sample_tensor(call.in[0], 0, true);
  aten::Node node = node_of(call, call.node->schema());
  // Not that of the mask, which may be broadcast.
  call.out = {sized_by_data(call, node, {fresh_symbol(hints(), "n")},
                            call.in[0]->tensors[0].scalar_type())};
  nodes_->push_back(std::move(node));
  return true;
}

// x[mask], x[:, mask]: the dimensions of the mask become one, as long as there are Trues.
bool Evaluator::index_by_mask(Call& call) {
  if (!call.in[1]->is_list() || all_known(call)) return false;
  const auto& indices = call.in[1]->items;
  for (const Ref& index : indices) {
    if (index->is_tensor()) sample_tensor(index, 0, true);
  }
  const auto masks = std::count_if(indices.begin(), indices.end(), is_mask);
  if (masks == 0) return false;
  const auto tensors = std::count_if(indices.begin(), indices.end(),
                                     [](const Ref& index) { return index->is_tensor(); });
  if (masks > 1 || tensors > 1) throw Refusal("indexes with a mask and another tensor at once");
  const Ref& x = call.in[0];
  sample_tensor(x, 0, true);
  Shape dims;
  size_t at = 0;
  for (const Ref& index : indices) {
    if (!index->is_tensor()) {
      dims.push_back(x->dims.at(at++));
      continue;
    }
    at += index->dims.size();
    if (is_known(index)) {
      std::vector<int64_t> counts;
      for (const at::Tensor& t : index->tensors)
        counts.push_back(t.count_nonzero().item().toLong());
      auto count = fit(counts);
      dims.push_back(count ? *count : fresh_symbol(counts, "s"));
    } else {
      dims.push_back(count_of(index));
    }
  }
  if (at > x->dims.size()) throw Refusal("indexes with a mask of too many dimensions");
  dims.insert(dims.end(), x->dims.begin() + static_cast<int64_t>(at), x->dims.end());
  aten::Node node = node_of(call, call.node->schema());
  call.out = {sized_by_data(call, node, dims, x->tensors[0].scalar_type())};
  nodes_->push_back(std::move(node));
  return true;
}

// _unique2(self, sorted, return_inverse, return_counts) and its kind.
bool Evaluator::unique(Call& call) {
  if (all_known(call)) return false;
  const Ref& x = call.in[0];
  sample_tensor(x, 0, true);
  const Expr count = fresh_symbol(hints(), "n");
  Shape values{count};
  Shape inverse = x->dims;
  if (call.name == "aten::unique_dim" || call.name == "aten::unique_dim_consecutive") {
    int64_t dim = constant_int(call.in[1], "a dimension");
    if (dim < 0) dim += static_cast<int64_t>(x->dims.size());
    values = x->dims;
    inverse = {values.at(static_cast<size_t>(dim))};
    values[static_cast<size_t>(dim)] = count;
  }
  aten::Node node = node_of(call, call.node->schema());
  call.out = {sized_by_data(call, node, values, x->tensors[0].scalar_type())};
  if (call.node->outputs().size() > 1) {
    call.out.push_back(sized_by_data(call, node, inverse, at::kLong));
  }
  if (call.node->outputs().size() > 2) {
    call.out.push_back(sized_by_data(call, node, {count}, at::kLong));
  }
  nodes_->push_back(std::move(node));
  return true;
}

bool Evaluator::nms(Call& call) {
  if (all_known(call)) return false;
  aten::Node node = node_of(call, schema_of(call.name));
  call.out = {sized_by_data(call, node, {fresh_symbol(hints(), "n")}, at::kLong)};
  nodes_->push_back(std::move(node));
  return true;
}

bool Evaluator::repeat_interleave(Call& call) {
  const bool by_tensor = call.in.size() > 1 && call.in[1]->is_tensor();
  if (by_tensor && is_known(call.in[1]) && call.in[1]->dims.empty()) {
    // A number that a trace has made a tensor of.
    const Ref repeats = data_number(call, call.in[1], c10::IntType::get());
    call.out = record(call, "aten::repeat_interleave", "self_int",
                      {{"self", call.in[0]}, {"repeats", repeats}, {"dim", call.in[2]}});
    return true;
  }
  const bool only_repeats = call.in[0]->is_tensor() && (call.in.size() < 2 || !by_tensor) &&
                            call.node->schema().overload_name() == "Tensor";
  if (all_known(call) || (!by_tensor && !only_repeats)) return false;
  sample_tensor(call.in[0], 0, true);
  const Expr count = fresh_symbol(hints(), "n");
  Shape dims{count};
  if (by_tensor && call.in[2]->is_int()) {
    dims = call.in[0]->dims;
    int64_t dim = constant_int(call.in[2], "a dimension");
    if (dim < 0) dim += static_cast<int64_t>(dims.size());
    dims.at(static_cast<size_t>(dim)) = count;
  }
  aten::Node node = node_of(call, call.node->schema());
  call.out = {sized_by_data(call, node, dims,
                            by_tensor ? call.in[0]->tensors[0].scalar_type() : at::kLong)};
  nodes_->push_back(std::move(node));
  return true;
}

// to(device), to(dtype), cpu(), cuda(), type_as...: spelled by JIT in ways that no dispatcher
// knows.
bool Evaluator::device_to(Call& call) {
  const Ref& x = call.in[0];
  if (!x->is_tensor()) return false;
  const c10::FunctionSchema& schema = call.node->schema();
  if (call.name != "aten::to") {  // cpu, cuda
    call.out = {x};
    return true;
  }
  if (schema.overload_name() == "dtype") return false;
  Ref dtype = none();
  for (size_t i = 1; i < call.in.size(); ++i) {
    const std::string& name = schema.arguments()[i].name();
    if (name == "other" && call.in[i]->is_tensor()) {
      sample_tensor(call.in[i], 0, true);
      dtype = plain(static_cast<int64_t>(call.in[i]->tensors[0].scalar_type()));
    } else if (name == "dtype" && call.in[i]->is_int()) {
      dtype = call.in[i];
    }
  }
  sample_tensor(x, 0, true);
  if (dtype->is_none()) dtype = plain(static_cast<int64_t>(x->tensors[0].scalar_type()));
  const bool same =
      constant_int(dtype, "a dtype") == static_cast<int64_t>(x->tensors[0].scalar_type());
  bool copy = false;
  for (size_t i = 1; i < call.in.size(); ++i) {
    copy = copy || (schema.arguments()[i].name() == "copy" && call.in[i]->is_bool() &&
                    call.in[i]->at[0].toBool());
  }
  if (same && !copy) {
    call.out = {x};
  } else if (same) {
    call.out = record(call, "aten::clone", "", {{"self", x}});
  } else {
    call.out = record(call, "aten::to", "dtype", {{"self", x}, {"dtype", dtype}});
  }
  return true;
}

// stack and cat of a list that a loop has filled: the elements lie stacked already.
bool Evaluator::join_stacked(Call& call) {
  if (!call.in[0]->is_list() || !call.in[0]->stacked) return false;
  Ref all = call.in[0]->stacked;
  const auto rank = static_cast<int64_t>(all->dims.size());
  int64_t dim = call.in.size() > 1 ? constant_int(call.in[1], "a dimension") : 0;
  const bool stack = call.name == "aten::stack";
  if (dim < 0) dim += stack ? rank : rank - 1;
  auto moved = [&] {
    if (dim == 0) return all;
    return record(call, "aten::movedim", "int",
                  {{"self", all}, {"source", plain(int64_t{0})}, {"destination", plain(dim)}})[0];
  };
  if (stack) {
    call.out = {moved()};
    return true;
  }
  Ref x = moved();
  call.out = record(call, "aten::flatten", "using_ints",
                    {{"self", x}, {"start_dim", plain(dim)}, {"end_dim", plain(dim + 1)}});
  return true;
}

// x * n with a number n that depends on the data: the overload that takes a tensor.
bool Evaluator::scalar_overload(Call& call) {
  const c10::FunctionSchema* schema = call.node->maybeSchema();
  if (schema == nullptr || call.in.size() < 2 || !call.in[0]->is_tensor()) return false;
  if (!call.in[1]->is_number() || !call.in[1]->data) return false;
  std::string overload = schema->overload_name();
  size_t at = overload.find("Scalar");
  if (at == std::string::npos) return false;
  overload = overload == "Tensor_Scalar" ? "Tensor_Tensor" : overload.replace(at, 6, "Tensor");
  auto handle = c10::Dispatcher::singleton().findSchema({schema->name(), overload});
  if (!handle) return false;
  std::vector<std::pair<std::string, Ref>> args;
  for (size_t i = 0; i < call.in.size(); ++i) {
    Ref value = i == 1 ? as_tensor(call, call.in[1]) : call.in[i];
    args.emplace_back(handle->schema().arguments()[i].name(), value);
  }
  call.out = record(call, schema->name(), overload, args);
  return true;
}

const Evaluator::Handlers& special_handlers() {
  static const Evaluator::Handlers kHandlers = {
      {"aten::nonzero", &Evaluator::nonzero},
      {"aten::nonzero_numpy", &Evaluator::nonzero},
      {"aten::argwhere", &Evaluator::nonzero},
      {"aten::where", &Evaluator::where_one},
      {"aten::masked_select", &Evaluator::masked_select},
      {"aten::index", &Evaluator::index_by_mask},
      {"aten::_unique2", &Evaluator::unique},
      {"aten::_unique", &Evaluator::unique},
      {"aten::unique_consecutive", &Evaluator::unique},
      {"aten::unique_dim", &Evaluator::unique},
      {"aten::repeat_interleave", &Evaluator::repeat_interleave},
      {"torchvision::nms", &Evaluator::nms},
      {"aten::to", &Evaluator::device_to},
      {"aten::cpu", &Evaluator::device_to},
      {"aten::cuda", &Evaluator::device_to},
      {"aten::stack", &Evaluator::join_stacked},
      {"aten::cat", &Evaluator::join_stacked},
      {"aten::concat", &Evaluator::join_stacked},
      {"aten::add", &Evaluator::scalar_overload},
      {"aten::sub", &Evaluator::scalar_overload},
      {"aten::mul", &Evaluator::scalar_overload},
      {"aten::div", &Evaluator::scalar_overload},
      {"aten::pow", &Evaluator::scalar_overload},
      {"aten::lt", &Evaluator::scalar_overload},
      {"aten::le", &Evaluator::scalar_overload},
      {"aten::gt", &Evaluator::scalar_overload},
      {"aten::ge", &Evaluator::scalar_overload},
      {"aten::eq", &Evaluator::scalar_overload},
      {"aten::ne", &Evaluator::scalar_overload},
      {"aten::_native_multi_head_attention", &Evaluator::fused_attention},
      {"aten::_transformer_encoder_layer_fwd", &Evaluator::fused_encoder},
  };
  return kHandlers;
}

}  // namespace onnxport::torchscript
