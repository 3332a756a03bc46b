#include "read/script_expansion.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/saturating.h"

namespace onnxport::read {

namespace {

// torchvision's largest detectors and traces become 200,000 expressions, in chains of 15 functions
// and classes. libtorch crashes at a chain of some 2,000, and its time for a chain or a number of
// functions is quadratic: 10,000 take it ten seconds.
constexpr size_t kMaxExpansion = 2'000'000;
constexpr size_t kMaxChain = 300;
constexpr size_t kMaxFunctions = 10'000;

using Node = uint32_t;
using Edges = std::vector<std::vector<Node>>;

// The strongly connected components of a graph (Tarjan, with a stack of its own): the number of
// each node's component. A component's number is larger than those of all that it points to.
class Components {
 public:
  explicit Components(const Edges& edges)
      : edges_(edges), number_(edges.size(), kNone), low_(edges.size()), of_(edges.size(), kNone) {
    for (Node node = 0; node < edges.size(); ++node) {
      if (number_[node] == kNone) visit(node);
    }
  }

  const std::vector<Node>& of() const { return of_; }
  size_t count() const { return count_; }

 private:
  static constexpr Node kNone = UINT32_MAX;

  void open(Node node) {
    number_[node] = low_[node] = next_++;
    waiting_.push_back(node);
    path_.push_back({node, 0});
  }

  void visit(Node root) {
    open(root);
    while (!path_.empty()) {
      auto& [node, edge] = path_.back();
      if (edge < edges_[node].size()) {
        const Node to = edges_[node][edge++];
        if (number_[to] == kNone) {
          open(to);
        } else if (of_[to] == kNone) {
          low_[node] = std::min(low_[node], number_[to]);
        }
        continue;
      }
      close(node);
    }
  }

  void close(Node node) {
    if (low_[node] == number_[node]) {
      Node member = kNone;
      while (member != node) {
        member = waiting_.back();
        waiting_.pop_back();
        of_[member] = static_cast<Node>(count_);
      }
      ++count_;
    }
    const Node low = low_[node];
    path_.pop_back();
    if (!path_.empty()) low_[path_.back().node] = std::min(low_[path_.back().node], low);
  }

  struct Step {
    Node node;
    size_t edge;
  };
  const Edges& edges_;
  std::vector<Node> number_;
  std::vector<Node> low_;
  std::vector<Node> of_;
  std::vector<Node> waiting_;
  std::vector<Step> path_;
  Node next_ = 0;
  size_t count_ = 0;
};

// The nodes of each component, what is called first.
std::vector<std::vector<Node>> in_order(const Components& components) {
  std::vector<std::vector<Node>> out(components.count());
  for (Node node = 0; node < components.of().size(); ++node) {
    out[components.of()[node]].push_back(node);
  }
  return out;
}

Error at(const CodeFunction& function, const std::string& what) {
  return Error{
      fmt::format("`{}` {}", function.name, what),
      fmt::format("archive entry `{}`: line {}", function.entry->name, function.syntax->line)};
}

class Expansion {
 public:
  Expansion(const CodeNames& names, std::span<const FunctionCalls> calls)
      : names_(names), calls_(calls) {}

  Status run() {
    if (functions() > kMaxFunctions) {
      return Error{fmt::format("the code has {} functions and methods, more than the {} that are "
                               "read",
                               functions(), kMaxFunctions),
                   ""};
    }
    TRY(check_recursion());
    TRY(check_size());
    return check_depth();
  }

 private:
  size_t functions() const { return names_.functions().size(); }

  Status check_recursion() const {
    Edges edges(functions());
    for (Node f = 0; f < functions(); ++f) {
      for (const CodeFunction* callee : calls_[f].calls) edges[f].push_back(callee->index);
    }
    for (const std::vector<Node>& members : in_order(Components(edges))) {
      const Node first = members[0];
      const bool itself =
          std::find(edges[first].begin(), edges[first].end(), first) != edges[first].end();
      if (members.size() > 1 || itself) {
        return at(names_.functions()[first], "calls itself: it is recursive, and cannot be read");
      }
    }
    return {};
  }

  // The node of all methods of a name, of which one is called.
  Node group(std::string_view name, Edges& edges) {
    auto [known, added] = groups_.try_emplace(name, static_cast<Node>(edges.size()));
    if (added) {
      edges.emplace_back();
      for (const CodeFunction* method : names_.methods_named(name)) {
        edges.back().push_back(method->index);
      }
    }
    return known->second;
  }

  Status check_size() {
    Edges edges(functions());
    for (Node f = 0; f < functions(); ++f) {
      for (const CodeFunction* callee : calls_[f].calls) edges[f].push_back(callee->index);
      for (std::string_view name : calls_[f].maybe) {
        const Node to = group(name, edges);
        edges[f].push_back(to);
      }
    }
    const Components components(edges);
    std::vector<size_t> sizes(components.count(), 0);
    for (const std::vector<Node>& members : in_order(components)) {
      const Node component = components.of()[members[0]];
      size_t& size = sizes[component];
      for (Node node : members) {
        const bool one_of = node >= functions();
        if (!one_of) size = saturating_add(size, calls_[node].size);
        size_t called = 0;
        for (Node to : edges[node]) {
          if (components.of()[to] == component) continue;
          const size_t inner = sizes[components.of()[to]];
          called = one_of ? std::max(called, inner) : saturating_add(called, inner);
        }
        size = saturating_add(size, called);
      }
      if (size > kMaxExpansion && members[0] < functions()) {
        return at(names_.functions()[members[0]],
                  fmt::format("becomes larger than {} expressions when its calls are replaced by "
                              "what they call",
                              kMaxExpansion));
      }
    }
    return {};
  }

  // What libtorch compiles while it compiles something else: a function that is called, a class
  // that is named, with all its methods.
  Status check_depth() {
    groups_.clear();
    Edges edges(functions() + names_.classes().size());
    const auto node_of = [&](const CodeClass* made) {
      return static_cast<Node>(functions() + made->index);
    };
    for (const CodeFunction& function : names_.functions()) {
      const FunctionCalls& found = calls_[function.index];
      std::vector<Node>& to = edges[function.index];
      for (const CodeFunction* callee : found.calls) to.push_back(callee->index);
      for (const CodeFunction* callee : found.mentions) to.push_back(callee->index);
      for (const CodeClass* made : found.classes) {
        if (made != function.owner) to.push_back(node_of(made));
      }
    }
    for (const CodeClass& made : names_.classes()) {
      std::vector<Node>& to = edges[node_of(&made)];
      for (const CodeClass* part : made.mentions) to.push_back(node_of(part));
      for (const auto& [name, method] : made.methods) to.push_back(method->index);
    }
    for (const CodeFunction& function : names_.functions()) {
      for (std::string_view name : calls_[function.index].maybe) {
        const Node to = group(name, edges);
        edges[function.index].push_back(to);
      }
    }
    const Components components(edges);
    std::vector<size_t> depths(components.count(), 0);
    for (const std::vector<Node>& members : in_order(components)) {
      const Node component = components.of()[members[0]];
      size_t deepest = 0;
      for (Node node : members) {
        for (Node to : edges[node]) {
          if (components.of()[to] != component) {
            deepest = std::max(deepest, depths[components.of()[to]]);
          }
        }
      }
      depths[component] = deepest + members.size();
      if (depths[component] > kMaxChain) return too_deep(members[0]);
    }
    return {};
  }

  Error too_deep(Node node) const {
    const std::string what = fmt::format(
        "begins a chain of more than {} functions and classes that need each other", kMaxChain);
    if (node < functions()) return at(names_.functions()[node], what);
    if (node >= functions() + names_.classes().size()) return Error{"the code " + what, ""};
    const CodeClass& made = names_.classes()[node - functions()];
    return Error{fmt::format("`{}` {}", made.name, what),
                 fmt::format("archive entry `{}`: line {}", made.entry->name, made.syntax->line)};
  }

  const CodeNames& names_;
  std::span<const FunctionCalls> calls_;
  std::unordered_map<std::string_view, Node> groups_;
};

}  // namespace

Status check_expansion(const CodeNames& names, std::span<const FunctionCalls> calls) {
  return Expansion(names, calls).run();
}

}  // namespace onnxport::read
