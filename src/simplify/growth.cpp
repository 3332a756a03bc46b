#include "simplify/growth.h"

#include <algorithm>

#include "onnx/walk.h"

namespace onnxport::simplify {
namespace {

using onnx::Node;
using onnx::Value;

// What a node itself takes in a file, about: a constant of that size in its place is no growth.
constexpr int64_t kNodeBytes = 128;

template <typename F>
void for_each_constant(const onnx::Model& model, F f) {
  for (const onnx::Graph* graph : onnx::all_graphs(model)) {
    for (const Value* value : graph->values()) {
      if (value->initializer && !value->unused()) f(*value->initializer);
    }
    for (const Node* node = graph->first(); node != nullptr; node = node->next) {
      const onnx::Attribute* a = node->is("Constant") ? node->find("value") : nullptr;
      const Tensor* t = a != nullptr ? std::get_if<Tensor>(&a->v) : nullptr;
      if (t != nullptr) f(*t);
    }
  }
}

}  // namespace

Growth::Growth(const onnx::Model& model, const Options& options)
    : model_(model), options_(options) {
  if (options_.max_total_growth == INT64_MAX) return;
  for_each_constant(model_,
                    [&](const Tensor& t) { at_first_ += static_cast<int64_t>(t.nbytes()); });
}

int64_t Growth::of(const Node& node, const std::vector<Tensor>& tensors) {
  int64_t growth = -kNodeBytes;
  for (size_t i = 0; i < tensors.size() && i < node.outputs.size(); ++i) {
    if (node.outputs[i] != nullptr && !node.outputs[i]->unused()) {
      growth += static_cast<int64_t>(tensors[i].nbytes());
    }
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value* in = node.inputs[i];
    if (in == nullptr || in->constant() == nullptr || in->graph_outputs != 0) continue;
    if (std::find(node.inputs.begin(), node.inputs.begin() + static_cast<int64_t>(i), in) !=
        node.inputs.begin() + static_cast<int64_t>(i)) {
      continue;  // counted already
    }
    const bool only_here = std::all_of(in->uses.begin(), in->uses.end(),
                                       [&](const onnx::Use& use) { return use.node == &node; });
    if (only_here) growth -= static_cast<int64_t>(in->constant()->nbytes());
  }
  return growth;
}

bool Growth::is_limited() const {
  return options_.max_total_growth != INT64_MAX || options_.max_share < 1;
}

void Growth::count() {
  known_ = true;
  content_ = folded_ = 0;
  below_.clear();
  for_each_constant(model_, [&](const Tensor& t) {
    const auto bytes = static_cast<int64_t>(t.nbytes());
    content_ += bytes;
    below_.emplace_back(bytes, bytes);
  });
  std::sort(below_.begin(), below_.end());
  for (size_t i = 1; i < below_.size(); ++i) below_[i].second += below_[i - 1].second;
}

int64_t Growth::room_below(int64_t size) const {
  const auto after = std::upper_bound(below_.begin(), below_.end(), std::pair(size, INT64_MAX));
  return after == below_.begin() ? 0 : std::prev(after)->second;
}

bool Growth::allows(int64_t growth) {
  if (growth <= 0) return true;
  if (growth > options_.max_growth) return false;
  if (!is_limited()) return true;
  if (!known_) count();
  if (content_ + folded_ - at_first_ + growth > options_.max_total_growth) return false;
  // What was folded meanwhile was no larger: the cheapest go first.
  const double room =
      static_cast<double>(room_below(growth) + std::max<int64_t>(folded_, 0) + growth);
  return options_.max_share >= 1 ||
         room <= options_.max_share * static_cast<double>(content_ + folded_ + growth);
}

void Growth::add(int64_t growth) { folded_ += growth; }

}  // namespace onnxport::simplify
