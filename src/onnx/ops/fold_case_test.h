// For the operators' tests: the outputs of one node over constants.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "onnx/fold.h"
#include "onnx/graph.h"

namespace onnxport::onnx::ops {

struct FoldCase {
  Graph graph;
  std::vector<Value*> inputs;
  std::vector<Tensor> outputs;
  bool folded = false;

  FoldCase& in(Tensor t) {
    inputs.push_back(graph.add_initializer("c", std::move(t)));
    return *this;
  }
  FoldCase& run(const char* op, Attributes attributes = {}, size_t n = 1, int64_t opset = 18) {
    const auto out = fold(*graph.add_node(op, inputs, std::move(attributes), n), opset);
    folded = out.has_value();
    if (out) outputs = *out;
    return *this;
  }
  // Of the first output; nothing when it is not folded.
  std::vector<int64_t> ints() const {
    return folded ? outputs[0].as_ints() : std::vector<int64_t>{};
  }
  std::vector<double> doubles() const {
    return folded ? outputs[0].as_doubles() : std::vector<double>{};
  }
};

inline Tensor floats(std::vector<int64_t> dims, const std::vector<float>& v) {
  return Tensor::of(DType::kFloat, std::move(dims), v);
}
inline Tensor bools(const std::vector<uint8_t>& v) {
  return Tensor::of(DType::kBool, {static_cast<int64_t>(v.size())}, v);
}
inline Tensor scalar_int(int64_t x) { return Tensor::of<int64_t>(DType::kInt64, {}, {x}); }
inline Tensor matrix() {  // 2 x 3
  return Tensor::of<int64_t>(DType::kInt64, {2, 3}, {1, 2, 3, 4, 5, 6});
}
using Numbers = std::vector<int64_t>;

}  // namespace onnxport::onnx::ops
