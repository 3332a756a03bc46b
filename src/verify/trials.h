// Inputs to run any ONNX model on, known only by what its inputs declare: sizes for dynamic
// dimensions, random values and edge values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "onnx/graph.h"

namespace onnxport::verify {

struct TrialInput {
  std::string name;
  DType dtype = DType::kUndefined;  // kUndefined: a sequence, map or optional
  std::optional<Shape> shape;
};
// The inputs that have to be given: those with an initializer keep its value.
std::vector<TrialInput> trial_inputs(const onnx::Model& model);

// What the values of floats are like; integers, booleans and strings follow `Values::style`.
enum class Kind {
  kRandom,  // normal
  kMixed,   // half zeros, the others normal, negative, small or large
  kZeros,
  kLarge,  // up to 1e4, either sign, with some tiny ones between
};
const char* text_of(Kind kind);

struct Trial {
  Kind kind = Kind::kRandom;
  int sizes = 0;  // which of the size plans
  int style = 0;  // which of the integer ranges
  int seed = 0;
};

constexpr int kSizePlans = 10;  // more than one only makes a difference where something is dynamic
constexpr int kStyles = 5;      // 0..9 (masks 0 and 1); 0 and 1; all 1; all 0; -3..3
bool has_dynamic_sizes(const std::vector<TrialInput>& inputs);
bool has_styles(const std::vector<TrialInput>& inputs);  // integers or strings

// One tensor an input, in order. The same trial gives the same values everywhere. The error names
// the input that no values are made for.
Result<std::vector<Tensor>> make_inputs(const std::vector<TrialInput>& inputs, const Trial& trial);

// The same inputs with every float changed by about one part in a million: what a model does with
// that is no more than what rounding does to it.
std::vector<Tensor> perturbed(const std::vector<Tensor>& inputs, int seed);

// "float32[2, 3], int64[2]"
std::string sizes_text(const std::vector<Tensor>& inputs);

}  // namespace onnxport::verify
