// y = x * scale + shift along the output channels of a node that has a constant weight: what
// BatchNormalization and Mul or Add with a constant mean to the Conv, ConvTranspose, Gemm or MatMul
// before them. The weight becomes a lazy view (Tensor::scaled); nothing large is computed here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "simplify/rule.h"

namespace onnxport::simplify {

struct ScaleShift {
  std::vector<double> scale;  // one an output channel; empty: 1
  std::vector<double> shift;  // empty: 0
};

// The output channels of a node that can take a scale and a shift, or nullopt when it cannot: the
// weight is not constant, or used elsewhere, ...
struct Affine {
  Node* node;
  int64_t channels;
  size_t channel_axis;  // of its output
  int weight_axis;
  int64_t groups = 1;  // of a ConvTranspose: the channels of the axis are those of one group
};
std::optional<Affine> affine_of(Node* node);
// A grouped weight [groups * rows, columns, ...] times one factor for each column of each group:
// the output channels of a ConvTranspose, the input channels of a Conv. Nothing is computed yet.
Tensor scaled_in_groups(const Tensor& w, int64_t groups, const std::vector<double>& factors);
// Its weight times `factors`, one an output channel; nothing is computed yet.
Tensor scaled_weight(const Affine& affine, const std::vector<double>& factors);

// What BatchNormalization does to its channels, if that is constant.
std::optional<ScaleShift> statistics_of(const Node& node, int64_t channels);
// The bias as `channels` numbers; empty when there is none, nullopt when it has another form.
std::optional<std::vector<double>> bias_of(const Affine& affine);

// node := node * scale + shift, and user's output becomes its output. `user` may be
// BatchNormalization or an elementwise node; the node must be used by it alone.
Outcome absorb(Rewriter& r, const Affine& affine, Node& user, const ScaleShift& by);

// The node's weight and bias times `factors`, one an output channel, in place: whoever calls this
// sees to it that what the node gives is used as such. False, and nothing changed, when the bias is
// not one number a channel.
bool scale_in_place(Rewriter& r, const Affine& affine, const std::vector<double>& factors);

}  // namespace onnxport::simplify
