#include "simplify/scale_shift.h"

#include <cmath>
#include <utility>

#include "simplify/match.h"

namespace onnxport::simplify {

std::optional<Affine> affine_of(Node* node) {
  if (node == nullptr || !node->domain.empty()) return std::nullopt;
  const Tensor* w = constant_of(node->input(1));
  // Without elements, a size says nothing about how much there is: it may be of any size.
  if (w == nullptr || w->numel() == 0 ||
      (w->dtype != DType::kFloat && w->dtype != DType::kDouble)) {
    return std::nullopt;
  }
  if (node->input(2) != nullptr && constant_of(node->input(2)) == nullptr) return std::nullopt;
  const Value* y = node->output();
  if (node->is("Conv") && w->dims.size() >= 3) return Affine{node, w->dims[0], 1, 0};
  if (node->is("ConvTranspose") && w->dims.size() >= 3) {
    const auto groups = node->get<int64_t>("group", 1);
    if (groups < 1 || w->dims[0] % groups != 0) return std::nullopt;
    return Affine{node, w->dims[1] * groups, 1, 1, groups};
  }
  if (node->is("Gemm") && w->dims.size() == 2 && node->get<float>("alpha", 1.0F) == 1.0F &&
      node->get<float>("beta", 1.0F) == 1.0F) {
    const int axis = node->get<int64_t>("transB", 0) != 0 ? 0 : 1;
    return Affine{node, w->dims[static_cast<size_t>(axis)], 1, axis};
  }
  if (node->is("MatMul") && w->dims.size() == 2 && y->shape && y->shape->size() >= 2) {
    return Affine{node, w->dims[1], y->shape->size() - 1, 1};
  }
  return std::nullopt;
}

Tensor scaled_in_groups(const Tensor& w, int64_t groups, const std::vector<double>& factors) {
  const int64_t rows = w.dims[0], columns = w.dims[1], rows_of_group = rows / groups;
  std::vector<double> expanded;
  expanded.reserve(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i) {
    const auto from = factors.begin() + i / rows_of_group * columns;
    expanded.insert(expanded.end(), from, from + columns);
  }
  std::vector<int64_t> flat{rows * columns};
  flat.insert(flat.end(), w.dims.begin() + 2, w.dims.end());
  return w.reshaped(std::move(flat)).scaled(0, std::move(expanded)).reshaped(w.dims);
}

Tensor scaled_weight(const Affine& a, const std::vector<double>& factors) {
  const Tensor& w = *constant_of(a.node->input(1));
  return a.groups == 1 ? w.scaled(a.weight_axis, factors) : scaled_in_groups(w, a.groups, factors);
}

std::optional<ScaleShift> statistics_of(const Node& node, int64_t channels) {
  std::vector<std::vector<double>> p;
  for (size_t i = 1; i <= 4; ++i) {
    const Tensor* t = constant_of(node.input(i));
    if (t == nullptr || t->numel() != channels) return std::nullopt;
    p.push_back(t->as_doubles());
  }
  const double epsilon = node.get<float>("epsilon", 1e-5F);
  ScaleShift by;
  for (size_t c = 0; c < p[0].size(); ++c) {
    const double scale = p[0][c] / std::sqrt(p[3][c] + epsilon);
    by.scale.push_back(scale);
    by.shift.push_back(p[1][c] - p[2][c] * scale);
  }
  return by;
}

std::optional<std::vector<double>> bias_of(const Affine& a) {
  const Tensor* bias = constant_of(a.node->input(2));
  if (bias == nullptr) return std::vector<double>{};
  return along_axis(*bias, 1 + (bias->dims.size() > 1 ? bias->dims.size() - 1 : 0),
                    bias->dims.empty() ? 0 : bias->dims.size() - 1, a.channels);
}

Outcome absorb(Rewriter& r, const Affine& a, Node& user, const ScaleShift& by) {
  const Tensor& w = *constant_of(a.node->input(1));
  if (a.node->is("MatMul") && !by.shift.empty()) return no_match("MatMul has no bias");
  auto bias = bias_of(a);
  if (!bias) return no_match("the bias is not one number a channel");
  std::vector<Value*> inputs{a.node->input(0), a.node->input(1)};
  if (!by.scale.empty()) {
    inputs[1] = r.constant(scaled_weight(a, by.scale), a.node->input(1)->name);
  }
  if (!bias->empty() || !by.shift.empty()) {
    std::vector<double> sum(static_cast<size_t>(a.channels), 0);
    for (size_t i = 0; i < sum.size(); ++i) {
      if (!bias->empty()) sum[i] = (*bias)[i] * (by.scale.empty() ? 1.0 : by.scale[i]);
      if (!by.shift.empty()) sum[i] += by.shift[i];
    }
    const std::string name =
        a.node->input(2) != nullptr ? a.node->input(2)->name : a.node->input(1)->name + ".bias";
    inputs.push_back(r.constant(tensor_of(w.dtype, sum), name));
  }
  const std::string name = a.node->name;
  const int32_t origin = a.node->origin;
  Value* y = r.op(a.node->op_type, inputs, a.node->attributes);
  Node* made = y->producer;
  r.replace(user, y);
  made->name = name;  // the weight's owner is what a reader of the graph looks for
  made->origin = origin;
  return done();
}

bool scale_in_place(Rewriter& r, const Affine& a, const std::vector<double>& factors) {
  Node& node = *a.node;
  auto bias = node.is("MatMul") ? std::vector<double>{} : bias_of(a);
  if (!bias) return false;
  const Tensor& w = *constant_of(node.input(1));
  const DType dtype = w.dtype;
  r.set_input(node, 1, r.constant(scaled_weight(a, factors), node.input(1)->name));
  if (!bias->empty()) {
    for (size_t c = 0; c < bias->size(); ++c) (*bias)[c] *= factors[c];
    r.set_input(node, 2, r.constant(tensor_of(dtype, *bias), node.input(2)->name));
  }
  return true;
}

}  // namespace onnxport::simplify
