// Calls whose results have sizes that only the data tells.
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>

#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

bool is_mask(const Ref& value) {
  const auto* tensor = value->as<Tensor>();
  if (tensor == nullptr || tensor->samples.empty()) return false;
  const at::ScalarType type = tensor->samples[0].scalar_type();
  return type == at::kBool || type == at::kByte;
}

const c10::FunctionSchema& schema_of(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), "").schema();
}

// A dimension counted from the end where it is negative.
size_t dimension(const Ref& value, size_t rank) {
  const int64_t dim = constant_int(value, "a dimension");
  return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(rank) : dim);
}

// How many elements of a tensor are not zero. What is picked out twice with one mask is as long
// both times: a detector takes scores with it and, apart from them, indices.
Expr count_of(Evaluator& e, const Ref& value) {
  Tensor& mask = value->tensor();
  if (mask.samples.empty() || !mask.samples[0].is_meta()) return e.sizes().new_data_size();
  const size_t writes = e.data().writes_to(mask);
  if (!mask.count || mask.counted_at != writes) {
    mask.count = e.sizes().new_data_size();
    mask.counted_at = writes;
  }
  return *mask.count;
}

bool nonzero(Evaluator& e, Call& call) {
  if (e.data().all_known(call.in)) return false;
  const Ref& x = call.in[0];
  const Expr count = count_of(e, x);
  const auto rank = static_cast<int64_t>(x->tensor().dims.size());
  aten::Node node = node_of(e, call, schema_of(call.name));
  if (call.name == "aten::nonzero_numpy") {
    std::vector<Ref> parts;
    for (int64_t i = 0; i < rank; ++i) parts.push_back(sized_output(e, node, {count}, at::kLong));
    call.out = {tensor_list(std::move(parts))};
  } else {
    call.out = {sized_output(e, node, {count, Expr(rank)}, at::kLong)};
  }
  e.recorder().add(std::move(node));
  return true;
}

RECORDED_BUILTIN("aten::nonzero", nonzero);
RECORDED_BUILTIN("aten::nonzero_numpy", nonzero);
BUILTIN("aten::argwhere", nonzero);

RECORDED_BUILTIN("torchvision::nms", [](Evaluator& e, Call& call) {
  if (e.data().all_known(call.in)) return false;
  aten::Node node = node_of(e, call, schema_of(call.name));
  call.out = {sized_output(e, node, {e.sizes().new_data_size()}, at::kLong)};
  e.recorder().add(std::move(node));
  return true;
});

// where(condition): the indices of what is true, one tensor per dimension.
BUILTIN("aten::where", [](Evaluator& e, Call& call) {
  if (call.in.size() != 1 || e.data().all_known(call.in)) return false;
  call.out = {record(e, call, "aten::nonzero_numpy", "", {{"self", call.in[0]}})};
  return true;
});

BUILTIN("aten::masked_select", [](Evaluator& e, Call& call) {
  if (e.data().all_known(call.in)) return false;
  const at::ScalarType type = e.data().dtype(call.in[0]);
  aten::Node node = node_of(e, call, call.schema());
  // Not that of the mask, which may be broadcast.
  call.out = {sized_output(e, node, {e.sizes().new_data_size()}, type)};
  e.recorder().add(std::move(node));
  return true;
});

// As many as the mask has Trues, which may be known.
Expr picked_size(Evaluator& e, const Ref& mask) {
  if (!e.data().is_known(mask)) return count_of(e, mask);
  Ints counts;
  for (const at::Tensor& t : mask->tensor().samples) {
    counts.push_back(t.count_nonzero().item().toLong());
  }
  auto count = e.sizes().fit(counts);
  return count ? *count : e.sizes().new_size(counts);
}

// x[mask], x[:, mask]: the dimensions of the mask become one, as long as there are Trues.
BUILTIN("aten::index", [](Evaluator& e, Call& call) {
  if (!call.in[1]->is_list() || e.data().all_known(call.in)) return false;
  const std::vector<Ref>& indices = call.in[1]->items();
  for (const Ref& index : indices) {
    if (index->is_tensor()) e.data().sample(index, 0, true);
  }
  const auto masks = std::count_if(indices.begin(), indices.end(), is_mask);
  if (masks == 0) return false;
  const auto tensors = std::count_if(indices.begin(), indices.end(),
                                     [](const Ref& index) { return index->is_tensor(); });
  if (masks > 1 || tensors > 1) throw Refusal("indexes with a mask and another tensor at once");
  const at::ScalarType type = e.data().dtype(call.in[0]);
  const Shape& from = call.in[0]->tensor().dims;
  Shape dims;
  size_t at = 0;
  for (const Ref& index : indices) {
    if (!index->is_tensor()) {
      dims.push_back(from.at(at++));
      continue;
    }
    at += index->tensor().dims.size();
    dims.push_back(picked_size(e, index));
  }
  if (at > from.size()) throw Refusal("indexes with a mask of too many dimensions");
  dims.insert(dims.end(), from.begin() + static_cast<int64_t>(at), from.end());
  aten::Node node = node_of(e, call, call.schema());
  call.out = {sized_output(e, node, dims, type)};
  e.recorder().add(std::move(node));
  return true;
});

// _unique2(self, sorted, return_inverse, return_counts) and its kind.
bool unique(Evaluator& e, Call& call) {
  if (e.data().all_known(call.in)) return false;
  const at::ScalarType type = e.data().dtype(call.in[0]);
  const Expr count = e.sizes().new_data_size();
  Shape values{count};
  Shape inverse = call.in[0]->tensor().dims;
  if (call.name == "aten::unique_dim") {
    values = inverse;
    const size_t dim = dimension(call.in[1], values.size());
    inverse = {values.at(dim)};
    values[dim] = count;
  }
  aten::Node node = node_of(e, call, call.schema());
  call.out = {sized_output(e, node, values, type)};
  if (call.output_count() > 1) call.out.push_back(sized_output(e, node, inverse, at::kLong));
  if (call.output_count() > 2) call.out.push_back(sized_output(e, node, {count}, at::kLong));
  e.recorder().add(std::move(node));
  return true;
}

BUILTIN("aten::_unique2", unique);
BUILTIN("aten::_unique", unique);
BUILTIN("aten::unique_consecutive", unique);
BUILTIN("aten::unique_dim", unique);

BUILTIN("aten::repeat_interleave", [](Evaluator& e, Call& call) {
  const bool by_tensor = call.in.size() > 1 && call.in[1]->is_tensor();
  if (by_tensor && e.data().is_known(call.in[1]) && call.in[1]->tensor().dims.empty()) {
    // A number that a trace has made a tensor of.
    const Ref repeats = number_in(e, call, call.in[1], c10::IntType::get());
    call.out = {record(e, call, "aten::repeat_interleave", "self_int",
                       {{"self", call.in[0]}, {"repeats", repeats}, {"dim", call.in[2]}})};
    return true;
  }
  const bool only_repeats =
      call.in[0]->is_tensor() && (call.in.size() < 2 || !by_tensor) && call.overload() == "Tensor";
  if (e.data().all_known(call.in) || (!by_tensor && !only_repeats)) return false;
  const at::ScalarType type = by_tensor ? e.data().dtype(call.in[0]) : at::kLong;
  const Expr count = e.sizes().new_data_size();
  Shape dims{count};
  if (by_tensor && call.in[2]->is_int()) {
    dims = call.in[0]->tensor().dims;
    dims.at(dimension(call.in[2], dims.size())) = count;
  }
  aten::Node node = node_of(e, call, call.schema());
  call.out = {sized_output(e, node, dims, type)};
  e.recorder().add(std::move(node));
  return true;
});

}  // namespace
}  // namespace onnxport::torchscript
