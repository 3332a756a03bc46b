// prim::Loop. Trips are unrolled as long as the samples know that there is another one. From where
// only the data knows it, the rest is a node with a block.
#include <fmt/format.h>
#include <torch/csrc/jit/ir/ir.h>
#undef CHECK  // c10's; ours follows

#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

constexpr int64_t kMaxTrips = 100'000;
constexpr int kMaxWidenings = 6;

// A loop that stays one, while its body is recorded.
class RecordedLoop {
 public:
  // `start`: trips that were unrolled before; `carried`: what the next one begins with.
  RecordedLoop(Evaluator& e, Call& call, int64_t start, std::vector<Ref> carried)
      : e_(e), call_(call), body_(call.block(0)), start_(start), initial_(std::move(carried)) {}

  void record(const Ref& condition) {
    aten::ArgList first = begin();
    aten::Node node;
    node.op = "prim::Loop";
    set_location(node, call_);
    node.args.push_back({"max_trip_count", trip_limit()});
    node.args.push_back({"condition", truth(condition)});
    node.args.push_back({"carried", std::move(first)});
    record_body();
    finish(node);
  }

 private:
  // What is carried as it enters the first trip.
  aten::ArgList begin() {
    aten::ArgList first;
    for (size_t c = 0; c < initial_.size(); ++c) {
      const Ref& value = initial_[c];
      const bool moves = body_.outputs()[c + 1] != body_.inputs()[c + 1] &&
                         (value->is_tensor() || value->is_number());
      Ref tensor = !moves ? nullptr : value->is_tensor() ? value : as_tensor(e_, call_, value);
      if (tensor) {
        e_.data().sample(tensor, 0, true);
        first.emplace_back(e_.recorder().id_of(tensor));
      }
      moves_.push_back(moves);
      dims_.push_back(tensor ? tensor->tensor().dims : Shape());
      tensors_.push_back(std::move(tensor));
    }
    return first;
  }

  aten::Arg truth(const Ref& condition) {
    if (!condition->is_data()) return condition->at().at(0).toBool();
    return as_tensor(e_, call_, condition)->tensor().id;
  }

  aten::Arg trip_limit() {
    const Ref& limit = call_.in[0];
    if (!limit->is_data() && same_everywhere(*limit) &&
        limit->at().at(0).toInt() >= INT64_MAX - kMaxTrips) {
      return {};
    }
    if (auto expr = expr_of(e_, limit)) return *expr - Expr(start_);
    if (start_ != 0 || !limit->is_data()) {
      throw FixedSize("loops as often as a dynamic size tells");
    }
    return scalar_id(e_, call_, limit);
  }

  void record_body() {
    Recorder::Inside inside(e_.recorder(), &collected_);
    Recorder::Redirect redirect(e_.recorder(), block_.nodes);
    for (int i = 0; !trace_body(); ++i) {
      if (i == kMaxWidenings) throw Refusal("loop-carried shapes do not converge");
      collected_.clear();
    }
    block_.outputs.push_back(truth(condition_));
    for (const Ref& result : results_) block_.outputs.emplace_back(result->tensor().id);
    for (const auto& [list, item] : collected_) {
      block_.outputs.emplace_back(e_.recorder().id_of(item));
    }
  }

  // One attempt at the body, with these sizes of what is carried. True: the sizes stayed as they
  // are; false: `dims_` has been widened.
  bool trace_body() {
    block_ = {};
    results_.clear();
    add_trip_number();
    std::vector<Ref> inside;
    for (size_t c = 0; c < initial_.size(); ++c) {
      inside.push_back(entering(c));
      call_.frame->values[body_.inputs()[c + 1]] = inside.back();
    }
    const std::vector<Ref> after = e_.run_block(body_, *call_.frame);
    condition_ = after[0];
    bool stable = true;
    for (size_t c = 0; c < initial_.size(); ++c) {
      if (moves_[c]) {
        stable &= keeps_sizes(c, after[c + 1]);
      } else {
        check_unchanged(inside[c], after[c + 1]);
      }
    }
    return stable;
  }

  void add_trip_number() {
    aten::Value index;
    index.kind = aten::Value::Kind::kScalar;
    index.dtype = DType::kInt64;
    const Expr symbol = e_.sizes().new_data_number(0);
    index.scalar = symbol;
    block_.inputs.push_back(e_.recorder().new_value(std::move(index), "trip"));
    Ref trip = size_number(e_, symbol + Expr(start_));
    trip->number().data = true;
    call_.frame->values[body_.inputs()[0]] = std::move(trip);
  }

  Ref entering(size_t c) {
    const Ref& before = initial_[c];
    if (!moves_[c]) return before;
    const at::Tensor like = e_.data().sample(tensors_[c], 0, true);
    Ref now = e_.recorder().new_tensor_like(like, dims_[c], "carried");
    block_.inputs.push_back(now->tensor().id);
    return before->is_number() ? number_in(e_, call_, now, type_of(before)) : now;
  }

  static void check_unchanged(const Ref& before, const Ref& after) {
    if (after == before || (after->is<Plain>() && after->at() == before->at())) return;
    throw Refusal(
        "a loop whose end depends on the data carries a list, a string or None from "
        "trip to trip; only tensors and numbers can be");
  }

  bool keeps_sizes(size_t c, const Ref& after) {
    Ref tensor = after->is_tensor() ? after : as_tensor(e_, call_, after);
    const Shape& have = tensor->tensor().dims;
    if (have.size() != dims_[c].size() || e_.data().dtype(tensor) != e_.data().dtype(tensors_[c])) {
      throw Refusal(
          "a loop whose end depends on the data changes the rank or type of a tensor that "
          "it carries");
    }
    bool stable = true;
    for (size_t i = 0; i < have.size(); ++i) {
      if (have[i] == dims_[c][i]) continue;
      dims_[c][i] = e_.sizes().new_data_size();
      stable = false;
    }
    e_.recorder().id_of(tensor);
    results_.push_back(std::move(tensor));
    return stable;
  }

  // The node, its results, and the lists that it filled.
  void finish(aten::Node& node) {
    for (size_t c = 0; c < initial_.size(); ++c) {
      if (!moves_[c]) {
        call_.out.push_back(initial_[c]);
        continue;
      }
      const at::Tensor& like = tensors_[c]->tensor().samples[0];
      Ref out = e_.recorder().new_tensor_like(like, dims_[c], "loop");
      node.outputs.push_back(out->tensor().id);
      call_.out.push_back(out);
    }
    std::optional<Expr> count;
    if (!condition_->is_data()) {
      if (const auto* limit = node.arg("max_trip_count")->as<Expr>()) count = *limit;
    }
    for (const auto& [list, item] : collected_) {
      if (!count) count = e_.sizes().new_data_size();
      Shape dims = item->tensor().dims;
      dims.insert(dims.begin(), *count);
      Ref out = e_.recorder().new_tensor_like(e_.data().sample(item, 0, true), dims, "collected");
      node.outputs.push_back(out->tensor().id);
      list->list().stacked = out;
    }
    node.blocks.push_back(std::move(block_));
    e_.recorder().add(std::move(node));
    for (const auto& [list, item] : collected_) join_with_head(list->list());
    // Numbers are taken from the tensors that carried them.
    for (size_t c = 0; c < initial_.size(); ++c) {
      if (moves_[c] && initial_[c]->is_number()) {
        call_.out[c] = number_in(e_, call_, call_.out[c], type_of(initial_[c]));
      }
    }
  }

  // What a list held before the loop comes first.
  void join_with_head(List& list) {
    if (list.items.empty()) return;
    auto joined = [&](const char* op, std::vector<Ref> parts) {
      return torchscript::record(e_, call_, op, "", {{"tensors", tensor_list(std::move(parts))}});
    };
    Ref head = joined("aten::stack", list.items);
    list.stacked = joined("aten::cat", {head, list.stacked});
    list.items.clear();
  }

  Evaluator& e_;
  Call& call_;
  const torch::jit::Block& body_;
  int64_t start_;
  std::vector<Ref> initial_;  // what is carried, before the first trip
  std::vector<bool> moves_;   // it may change from trip to trip
  std::vector<Ref> tensors_;  // those that move, as tensors
  std::vector<Shape> dims_;   // their sizes in every trip
  std::vector<Ref> results_;  // those that move, after the trip
  Ref condition_;             // after the trip
  aten::Block block_;
  Recorder::Collected collected_;
};

BUILTIN("prim::Loop", [](Evaluator& e, Call& call) {
  const torch::jit::Block& body = call.block(0);
  std::vector<Ref> carried(call.in.begin() + 2, call.in.end());
  const Ref& limit = call.in[0];
  Ref condition = call.in[1];
  const bool bounded = !limit->is_data() && same_everywhere(*limit);
  const int64_t trips = bounded ? limit->at().at(0).toInt() : 0;
  for (int64_t i = 0; !bounded || i < trips; ++i) {
    if (!bounded || condition->is_data()) {
      RecordedLoop(e, call, i, std::move(carried)).record(condition);
      return true;
    }
    if (!same_everywhere(*condition)) throw FixedSize("loops as often as a dynamic size tells");
    if (!condition->at().at(0).toBool()) break;
    if (i >= kMaxTrips) throw Refusal(fmt::format("a loop of more than {} trips", kMaxTrips));
    call.frame->values[body.inputs()[0]] = plain(i);
    for (size_t c = 0; c < carried.size(); ++c) {
      call.frame->values[body.inputs()[c + 1]] = carried[c];
    }
    carried = e.run_block(body, *call.frame);
    condition = carried[0];
    carried.erase(carried.begin());
  }
  call.out = std::move(carried);
  return true;
});

}  // namespace
}  // namespace onnxport::torchscript
