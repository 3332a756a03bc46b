// The table of foldable operators and what its families share.
#include "onnx/fold.h"

#include <algorithm>

#include "base/broadcast.h"
#include "onnx/fold_rule.h"

namespace onnxport::onnx {
namespace folding {

int64_t count(const Dims& dims) {
  int64_t n = 1;
  for (int64_t d : dims) {
    if (__builtin_mul_overflow(n, d, &n)) return INT64_MAX;
  }
  return n;
}

std::optional<Dims> broadcast(const Dims& a, const Dims& b) {
  const auto negative = [](int64_t size) { return size < 0; };
  if (std::any_of(a.begin(), a.end(), negative) || std::any_of(b.begin(), b.end(), negative)) {
    return std::nullopt;
  }
  return broadcast_with(a, b, [](int64_t x, int64_t y) {
    const bool fits = x == y || x == 1 || y == 1;
    return fits ? std::optional(x == 1 ? y : x) : std::nullopt;
  });
}

std::vector<int64_t> broadcast_index(const Dims& out, const Dims& in) {
  std::vector<int64_t> strides(out.size(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i < in.size(); ++i) {
    const size_t axis = in.size() - 1 - i;
    if (in[axis] != 1) strides[out.size() - 1 - i] = stride;
    stride *= in[axis];
  }
  std::vector<int64_t> index(static_cast<size_t>(count(out)));
  std::vector<int64_t> at(out.size(), 0);
  int64_t offset = 0;
  for (int64_t& i : index) {
    i = offset;
    for (size_t axis = out.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++at[axis] < out[axis]) break;
      offset -= strides[axis] * out[axis];
      at[axis] = 0;
    }
  }
  return index;
}

namespace {
const Table& table() {
  static const Table t = [] {
    Table made;
    add_elementwise(made);
    add_movement(made);
    add_reductions(made);
    return made;
  }();
  return t;
}
}  // namespace
}  // namespace folding

bool is_permutation(const std::vector<int64_t>& perm, size_t rank) {
  std::vector<bool> seen(rank, false);
  for (const int64_t axis : perm) {
    if (axis < 0 || static_cast<size_t>(axis) >= rank || seen[static_cast<size_t>(axis)]) {
      return false;
    }
    seen[static_cast<size_t>(axis)] = true;
  }
  return perm.size() == rank;
}

std::optional<std::vector<Tensor>> fold(const Node& node, int64_t opset, int64_t max_elements) {
  if (!node.domain.empty()) return std::nullopt;
  const auto it = folding::table().find(node.op_type);
  if (it == folding::table().end()) return std::nullopt;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    // Strings, complex numbers and elements of less than a byte are left to the runtime.
    if (input->constant() == nullptr || !is_plain_number(input->constant()->dtype)) {
      return std::nullopt;
    }
  }
  return it->second({node, opset, max_elements});
}

}  // namespace onnxport::onnx
