// What one operator's folding rule sees, and what families share: elements by their index.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "onnx/axis.h"
#include "onnx/ops/op_def.h"

namespace onnxport::onnx::ops {

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
  // The attribute, or the input that it became (OpDef::became_inputs), whichever the opset has;
  // empty: neither is there.
  std::vector<int64_t> list(std::string_view attribute) const;
};

using Dims = std::vector<int64_t>;
int64_t count(const Dims& dims);
Dims strides_of(const Dims& dims);  // of elements, in row-major order
std::optional<Dims> broadcast(const Dims& a, const Dims& b);
// For each element of `out` in row-major order, the element of `in` that broadcasts to it.
std::vector<int64_t> broadcast_index(const Dims& out, const Dims& in);

inline Tensors one(Tensor t) { return std::vector<Tensor>{std::move(t)}; }

// --- data movement, on bytes: any fixed-size element type --------------------------------------

bool movable(const Call& call, const Tensor& x);
// Element i of the result is element index[i] of x; -1 is `fill` (byte_size bytes).
Tensor take(const Tensor& x, Dims dims, const std::vector<int64_t>& index,
            const std::byte* fill = nullptr);

// Walks `dims` in row-major order; f(position) for each.
template <typename F>
void for_each_position(const Dims& dims, F f) {
  const int64_t n = count(dims);
  Dims at(dims.size(), 0);
  for (int64_t i = 0; i < n; ++i) {
    f(at);
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++at[axis] < dims[axis]) break;
      at[axis] = 0;
    }
  }
}

}  // namespace onnxport::onnx::ops
