#include "onnx/functions.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/saturating.h"

namespace onnxport::onnx {
namespace {

using Functions = google::protobuf::RepeatedPtrField<::onnx::FunctionProto>;

std::string key_of(std::string_view domain, std::string_view name, std::string_view overload) {
  if (domain == "ai.onnx") domain = "";
  std::string key(domain);
  key.append(1, '\0').append(name).append(1, '\0').append(overload);
  return key;
}

std::string named(const ::onnx::FunctionProto& function) {
  return "function `" + (function.domain().empty() ? "" : function.domain() + ".") +
         function.name() + "`";
}

// What a list of nodes is made of, bodies included.
struct Content {
  uint64_t nodes = 0;
  std::vector<size_t> calls;  // functions, once for each call
};

struct Sizes {
  uint64_t nodes = 0;  // expanded
  int depth = 0;
};

class Counter {
 public:
  Counter(const Functions& functions, const FunctionLimits& limits)
      : functions_(functions), limits_(limits) {}

  Status check(const ::onnx::GraphProto& graph) {
    for (const ::onnx::FunctionProto& f : functions_) {
      // Whoever expands them may take the one or the other.
      if (!index_.emplace(key_of(f.domain(), f.name(), f.overload()), index_.size()).second) {
        return Error{"is there twice", named(f)};
      }
    }
    for (const ::onnx::FunctionProto& f : functions_) contents_.push_back(content(f.node()));
    sizes_.resize(contents_.size());
    states_.assign(contents_.size(), State::kNew);
    for (size_t i = 0; i < contents_.size(); ++i) TRY(measure(i));

    uint64_t total = 0;
    const Content main = content(graph.node());
    size_t largest = 0;
    for (const size_t callee : main.calls) {
      if (sizes_[callee].depth > limits_.max_depth) {
        return Error{"calls " + std::to_string(sizes_[callee].depth) +
                         " functions in one another; the limit is " +
                         std::to_string(limits_.max_depth),
                     named(functions_[static_cast<int>(callee)])};
      }
      total = saturating_add(total, sizes_[callee].nodes);
      if (sizes_[callee].nodes >= sizes_[largest].nodes) largest = callee;
    }
    if (total <= limits_.max_nodes) return {};
    return Error{"is " + text(sizes_[largest].nodes) +
                     " nodes when its calls are expanded, and all calls of the graph are " +
                     text(total) + "; the limit is " + std::to_string(limits_.max_nodes),
                 named(functions_[static_cast<int>(largest)])};
  }

 private:
  enum class State : char { kNew, kOpen, kDone };

  static std::string text(uint64_t count) {
    if (count == UINT64_MAX) return "more than 2^64";
    return std::to_string(count);
  }

  // With an explicit stack: nesting comes from a file.
  Content content(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes) const {
    Content out;
    std::vector<const google::protobuf::RepeatedPtrField<::onnx::NodeProto>*> open{&nodes};
    while (!open.empty()) {
      const auto* list = open.back();
      open.pop_back();
      for (const ::onnx::NodeProto& node : *list) {
        ++out.nodes;
        for (const ::onnx::AttributeProto& attribute : node.attribute()) {
          if (attribute.has_g()) open.push_back(&attribute.g().node());
          for (const ::onnx::GraphProto& body : attribute.graphs()) open.push_back(&body.node());
        }
        if (index_.empty()) continue;
        const auto found = index_.find(key_of(node.domain(), node.op_type(), node.overload()));
        if (found != index_.end()) out.calls.push_back(found->second);
      }
    }
    return out;
  }

  // Depth first, callees before callers.
  Status measure(size_t function) {
    struct Frame {
      size_t function;
      size_t next;  // of its calls
    };
    if (states_[function] == State::kDone) return {};
    std::vector<Frame> stack{{function, 0}};
    states_[function] = State::kOpen;
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const std::vector<size_t>& calls = contents_[frame.function].calls;
      if (frame.next < calls.size()) {
        const size_t callee = calls[frame.next++];
        if (states_[callee] == State::kOpen) {
          return Error{"calls itself" + through(frame.function, callee),
                       named(functions_[static_cast<int>(callee)])};
        }
        if (states_[callee] == State::kDone) continue;
        states_[callee] = State::kOpen;
        stack.push_back({callee, 0});
        continue;
      }
      Sizes& sizes = sizes_[frame.function];
      sizes.nodes = contents_[frame.function].nodes;
      for (const size_t callee : calls) {
        sizes.nodes = saturating_add(sizes.nodes, sizes_[callee].nodes);
        sizes.depth = std::max(sizes.depth, sizes_[callee].depth);
      }
      ++sizes.depth;
      states_[frame.function] = State::kDone;
      stack.pop_back();
    }
    return {};
  }

  std::string through(size_t caller, size_t callee) const {
    return caller == callee ? "" : ", through " + named(functions_[static_cast<int>(caller)]);
  }

  const Functions& functions_;
  const FunctionLimits& limits_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<Content> contents_;
  std::vector<Sizes> sizes_;
  std::vector<State> states_;
};

}  // namespace

Status check_functions(const Functions& functions, const ::onnx::GraphProto& graph,
                       const FunctionLimits& limits) {
  if (functions.empty()) return {};
  return Counter(functions, limits).check(graph);
}

}  // namespace onnxport::onnx
