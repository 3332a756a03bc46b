// Branches and loops. What is decided in every sample is followed; what the data decides becomes a
// node with blocks.
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

constexpr int64_t kMaxTrips = 100'000;
constexpr int kMaxWidenings = 6;

bool ends_in_raise(const torch::jit::Block& block) {
  for (const torch::jit::Node* node : block.nodes()) {
    if (std::string_view(node->kind().toQualString()) == "prim::RaiseException") return true;
  }
  return false;
}

}  // namespace

bool Evaluator::branch(Call& call) {
  const Ref& condition = call.in[0];
  const auto blocks = call.node->blocks();
  auto follow = [&](size_t which) {
    run_block(*blocks[which], *call.frame);
    for (const torch::jit::Value* value : blocks[which]->outputs()) {
      call.out.push_back(lookup(value, *call.frame));
    }
    return true;
  };
  if (!condition->data) {
    if (!same_everywhere(*condition)) {
      throw FixedSize("takes a branch that depends on a dynamic size");
    }
    return follow(condition->at[0].toBool() ? 0 : 1);
  }
  // A check of the data that raises: the file has no exceptions.
  for (size_t i : {size_t{0}, size_t{1}}) {
    if (!ends_in_raise(*blocks[i])) continue;
    note("left out: a check of the data that raises an exception (" + location(call) + ")");
    return follow(1 - i);
  }
  return branch_on_data(call);
}

// Both ways are recorded. A result that differs between them is an output of the node.
bool Evaluator::branch_on_data(Call& call) {
  aten::Node node;
  node.op = "prim::If";
  node.args.push_back({"condition", as_tensor(call, call.in[0])->id});
  set_location(node, call);
  std::vector<std::vector<Ref>> results;
  std::vector<aten::Node>* outer = nodes_;
  auto* outer_collected = collected_;
  collected_ = nullptr;
  ++block_depth_;
  for (const torch::jit::Block* block : call.node->blocks()) {
    aten::Block made;
    nodes_ = &made.nodes;
    try {
      run_block(*block, *call.frame);
      std::vector<Ref> out;
      for (const torch::jit::Value* v : block->outputs()) out.push_back(lookup(v, *call.frame));
      results.push_back(std::move(out));
    } catch (...) {
      nodes_ = outer;
      collected_ = outer_collected;
      --block_depth_;
      throw;
    }
    node.blocks.push_back(std::move(made));
  }
  // The two results as one: values of the same structure, tensors and numbers merged.
  for (size_t i = 0; i < call.node->outputs().size(); ++i) {
    call.out.push_back(merge(call, node, results[0][i], results[1][i], 0));
  }
  nodes_ = outer;
  collected_ = outer_collected;
  --block_depth_;
  nodes_->push_back(std::move(node));
  for (Ref& out : call.out) {
    if (out->is_number() && out->data && out->tensor) {
      out = data_number(call, out->tensor, type_of(out));
    }
  }
  return true;
}

Ref Evaluator::merge(Call& call, aten::Node& node, const Ref& a, const Ref& b, int depth) {
  if (a == b) return a;
  if (depth > 8) throw Refusal("a branch that depends on the data gives too deep a structure");
  const bool tensors = (a->is_tensor() || a->is_number()) && (b->is_tensor() || b->is_number());
  if (!tensors) {
    if (a->kind == Value::Kind::kPlain && b->kind == a->kind && a->at == b->at) return a;
    if (a->kind == b->kind && a->items.size() == b->items.size() &&
        a->kind != Value::Kind::kObject && a->kind != Value::Kind::kPlain && !a->stacked &&
        !b->stacked) {
      auto out = std::make_shared<Value>(*a);
      for (size_t i = 0; i < a->items.size(); ++i) {
        out->items[i] = merge(call, node, a->items[i], b->items[i], depth + 1);
      }
      return out;
    }
    throw Refusal(
        "a branch that depends on the data gives None, a string or a list of another "
        "length than the other way, which ONNX cannot express");
  }
  if (a->is_number() && b->is_number() && !a->data && !b->data && a->at == b->at) return a;
  auto in_block = [&](size_t which, const Ref& value) {
    std::vector<aten::Node>* now = nodes_;
    nodes_ = &node.blocks[which].nodes;
    Ref out = value->is_tensor() ? value : as_tensor(call, value);
    value_id(out);
    nodes_ = now;
    return out;
  };
  const bool number = a->is_number() && b->is_number();
  Ref x = in_block(0, a);
  Ref y = in_block(1, b);
  Shape dims;
  const at::Tensor left = sample_tensor(x, 0, true);
  const at::Tensor right = sample_tensor(y, 0, true);
  if (left.dim() != right.dim() || left.scalar_type() != right.scalar_type()) {
    throw Refusal(
        "the two ways of a branch that depends on the data give tensors of different rank "
        "or type");
  }
  for (size_t i = 0; i < x->dims.size(); ++i) {
    dims.push_back(x->dims[i] == y->dims[i] ? x->dims[i] : fresh_symbol(hints(), "n"));
  }
  Ref out = meta_like(call, left, dims, "if");
  node.outputs.push_back(out->id);
  node.blocks[0].outputs.emplace_back(x->id);
  node.blocks[1].outputs.emplace_back(y->id);
  if (!number) return out;
  // The number is taken from the tensor after the node: see branch_on_data.
  auto later = std::make_shared<Value>();
  later->kind = Value::Kind::kNumber;
  later->data = true;
  later->tensor = out;
  later->at.assign(count_, a->is_bool()  ? c10::IValue(true)
                           : a->is_int() ? c10::IValue(int64_t{1})
                                         : c10::IValue(1.5));
  return later;
}

// Trips are unrolled as long as the samples know that there is another one. From where only the
// data knows it, the rest is a prim::Loop.
bool Evaluator::loop(Call& call) {
  const torch::jit::Block& body = *call.node->blocks()[0];
  std::vector<Ref> carried(call.in.begin() + 2, call.in.end());
  const Ref& limit = call.in[0];
  Ref condition = call.in[1];
  const bool bounded = !limit->data && same_everywhere(*limit);
  const int64_t trips = bounded ? limit->at[0].toInt() : 0;
  for (int64_t i = 0; !bounded || i < trips; ++i) {
    if (!bounded || condition->data) return loop_on_data(call, std::move(carried), condition, i);
    if (!same_everywhere(*condition)) throw FixedSize("loops as often as a dynamic size tells");
    if (!condition->at[0].toBool()) break;
    if (i >= kMaxTrips) throw Refusal(fmt::format("a loop of more than {} trips", kMaxTrips));
    call.frame->values[body.inputs()[0]] = plain(i);
    for (size_t c = 0; c < carried.size(); ++c) {
      call.frame->values[body.inputs()[c + 1]] = carried[c];
    }
    run_block(body, *call.frame);
    condition = lookup(body.outputs()[0], *call.frame);
    for (size_t c = 0; c < carried.size(); ++c) {
      carried[c] = lookup(body.outputs()[c + 1], *call.frame);
    }
  }
  call.out = std::move(carried);
  return true;
}

Ref Evaluator::meta_like(Call& call, const at::Tensor& like, const Shape& dims, const char* stem) {
  std::vector<std::vector<int64_t>> sizes(count_);
  for (const Expr& e : dims) {
    std::vector<int64_t> at = values_of(e);
    for (size_t w = 0; w < count_; ++w) sizes[w].push_back(at[w]);
  }
  std::vector<at::Tensor> tensors;
  for (const auto& s : sizes) tensors.push_back(at::empty(s, like.options().device(at::kMeta)));
  return new_tensor(call, std::move(tensors), dims, stem);
}

// One attempt at the body, with these sizes of what is carried. True: the sizes stayed as they are;
// false: `dims` has been widened.
bool Evaluator::trace_body(Call& call, Trip& trip) {
  const torch::jit::Block& body = *call.node->blocks()[0];
  trip.block = {};
  trip.results.clear();
  aten::Value index;
  index.kind = aten::Value::Kind::kScalar;
  index.dtype = DType::kInt64;
  const std::vector<int64_t> values = small_hints(0);
  const Expr symbol = fresh_symbol(values, "u");
  index.scalar = symbol;
  trip.block.inputs.push_back(new_value(std::move(index), "trip"));
  call.frame->values[body.inputs()[0]] = size_number(symbol + Expr(trip.start));
  call.frame->values[body.inputs()[0]]->data = true;
  std::vector<Ref> inside(trip.initial.size());
  for (size_t c = 0; c < trip.initial.size(); ++c) {
    const Ref& before = trip.initial[c];
    Ref now = before;
    if (trip.moves[c]) {
      now = meta_like(call, sample_tensor(trip.tensors[c], 0, true), trip.dims[c], "carried");
      trip.block.inputs.push_back(now->id);
      if (before->is_number()) now = data_number(call, now, type_of(before));
    }
    inside[c] = now;
    call.frame->values[body.inputs()[c + 1]] = now;
  }
  run_block(body, *call.frame);
  trip.condition = lookup(body.outputs()[0], *call.frame);
  bool stable = true;
  for (size_t c = 0; c < trip.initial.size(); ++c) {
    Ref after = lookup(body.outputs()[c + 1], *call.frame);
    if (!trip.moves[c]) {
      if (after != inside[c] &&
          !(after->kind == Value::Kind::kPlain && after->at == inside[c]->at)) {
        throw Refusal(
            "a loop whose end depends on the data carries a list, a string or None from "
            "trip to trip; only tensors and numbers can be");
      }
      continue;
    }
    Ref tensor = after->is_tensor() ? after : as_tensor(call, after);
    sample_tensor(tensor, 0, true);
    const Shape& want = trip.dims[c];
    if (tensor->dims.size() != want.size() ||
        tensor->tensors[0].scalar_type() != trip.tensors[c]->tensors[0].scalar_type()) {
      throw Refusal(
          "a loop whose end depends on the data changes the rank or type of a tensor that "
          "it carries");
    }
    for (size_t i = 0; i < want.size(); ++i) {
      if (tensor->dims[i] == want[i]) continue;
      trip.dims[c][i] = fresh_symbol(hints(), "n");
      stable = false;
    }
    value_id(tensor);
    trip.results.push_back(tensor);
  }
  return stable;
}

bool Evaluator::loop_on_data(Call& call, std::vector<Ref> carried, const Ref& condition,
                             int64_t start) {
  const torch::jit::Block& body = *call.node->blocks()[0];
  Trip trip;
  trip.start = start;
  trip.initial = carried;
  aten::ArgList first;
  for (size_t c = 0; c < carried.size(); ++c) {
    const bool moves = body.outputs()[c + 1] != body.inputs()[c + 1] &&
                       (carried[c]->is_tensor() || carried[c]->is_number());
    Ref tensor = !moves                    ? nullptr
                 : carried[c]->is_tensor() ? carried[c]
                                           : as_tensor(call, carried[c]);
    if (tensor) {
      sample_tensor(tensor, 0, true);
      first.emplace_back(value_id(tensor));
    }
    trip.moves.push_back(moves);
    trip.dims.push_back(tensor ? tensor->dims : Shape());
    trip.tensors.push_back(std::move(tensor));
  }
  aten::Node node;
  node.op = "prim::Loop";
  set_location(node, call);
  node.args.push_back({"max_trip_count", trip_limit(call, start)});
  node.args.push_back({"condition", condition->data ? aten::Arg(as_tensor(call, condition)->id)
                                                    : aten::Arg(condition->at[0].toBool())});
  node.args.push_back({"carried", std::move(first)});
  std::vector<aten::Node>* outer = nodes_;
  auto* outer_collected = collected_;
  std::vector<std::pair<Ref, Ref>> collected;
  ++block_depth_;
  collected_ = &collected;
  auto leave = [&] {
    nodes_ = outer;
    collected_ = outer_collected;
    --block_depth_;
  };
  try {
    nodes_ = &trip.block.nodes;
    for (int i = 0; !trace_body(call, trip); ++i) {
      if (i == kMaxWidenings) throw Refusal("loop-carried shapes do not converge");
      collected.clear();
      nodes_ = &trip.block.nodes;
    }
    trip.block.outputs.push_back(trip.condition->data
                                     ? aten::Arg(as_tensor(call, trip.condition)->id)
                                     : aten::Arg(trip.condition->at[0].toBool()));
    for (const Ref& result : trip.results) trip.block.outputs.emplace_back(result->id);
    for (const auto& [list, item] : collected) trip.block.outputs.emplace_back(value_id(item));
  } catch (...) {
    leave();
    throw;
  }
  leave();
  finish_loop(call, node, trip, collected);
  return true;
}

aten::Arg Evaluator::trip_limit(Call& call, int64_t start) {
  const Ref& limit = call.in[0];
  if (!limit->data && same_everywhere(*limit) && limit->at[0].toInt() >= INT64_MAX - kMaxTrips) {
    return {};
  }
  auto expr = expr_of(limit);
  if (expr) return *expr - Expr(start);
  if (start != 0 || !limit->data) throw FixedSize("loops as often as a dynamic size tells");
  return scalar_id(call, limit);
}

// The node, its results, and the lists that it filled.
void Evaluator::finish_loop(Call& call, aten::Node& node, Trip& trip,
                            const std::vector<std::pair<Ref, Ref>>& collected) {
  for (size_t c = 0; c < trip.initial.size(); ++c) {
    if (!trip.moves[c]) {
      call.out.push_back(trip.initial[c]);
      continue;
    }
    Ref out = meta_like(call, trip.tensors[c]->tensors[0], trip.dims[c], "loop");
    node.outputs.push_back(out->id);
    call.out.push_back(out);
  }
  std::optional<Expr> count;
  if (!trip.condition->data) {
    const aten::Arg* limit = node.arg("max_trip_count");
    if (const auto* e = limit->as<Expr>()) count = *e;
  }
  for (const auto& [list, item] : collected) {
    Shape dims = item->dims;
    if (!count) count = fresh_symbol(hints(), "n");
    dims.insert(dims.begin(), *count);
    sample_tensor(item, 0, true);
    Ref out = meta_like(call, item->tensors[0], dims, "collected");
    node.outputs.push_back(out->id);
    list->stacked = out;
  }
  node.blocks.push_back(std::move(trip.block));
  nodes_->push_back(std::move(node));
  // What a list held before the loop comes first.
  for (const auto& [list, item] : collected) {
    if (list->items.empty()) continue;
    auto joined = [&](const char* op, std::vector<Ref> parts) {
      return record(call, op, "", {{"tensors", this->list(c10::TensorType::get(), parts)}})[0];
    };
    Ref head = joined("aten::stack", list->items);
    list->stacked = joined("aten::cat", {head, list->stacked});
    list->items.clear();
  }
  // Numbers are taken from the tensors that carried them.
  for (size_t c = 0; c < trip.initial.size(); ++c) {
    if (trip.moves[c] && trip.initial[c]->is_number()) {
      call.out[c] = data_number(call, call.out[c], type_of(trip.initial[c]));
    }
  }
}

}  // namespace onnxport::torchscript
