// What the files of fold share: a table of operators, filled by each family file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "onnx/axis.h"
#include "onnx/graph.h"

namespace onnxport::onnx::folding {

// A node with constant inputs. `in(i)` is null for an input that is left out.
struct Call {
  const Node& node;
  int64_t opset;
  int64_t max_elements;

  const Tensor* in(size_t i) const {
    const Value* v = node.input(i);
    return v == nullptr ? nullptr : v->constant();
  }
  size_t inputs() const { return node.inputs.size(); }
};

using Tensors = std::optional<std::vector<Tensor>>;  // nullopt: not computed here
using Fold = Tensors (*)(const Call&);
using Table = std::unordered_map<std::string, Fold>;

void add_elementwise(Table& table);
void add_movement(Table& table);
void add_reductions(Table& table);

using Dims = std::vector<int64_t>;
int64_t count(const Dims& dims);
std::optional<Dims> broadcast(const Dims& a, const Dims& b);
// For each element of `out` in row-major order, the element of `in` that broadcasts to it.
std::vector<int64_t> broadcast_index(const Dims& out, const Dims& in);

inline Tensors one(Tensor t) { return std::vector<Tensor>{std::move(t)}; }

}  // namespace onnxport::onnx::folding
