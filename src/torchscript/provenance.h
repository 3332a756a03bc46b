// Numbers that follow from sizes by way of floats: `int(floor(h * scale))`, `ceil(w / 32) * 32`.
//
// Where the floats are quotients of sizes and the arithmetic on them loses nothing, a rounded one
// has a formula. Where it has none (a scale that is itself a quotient of sizes, rounded to
// float32), the file computes the number again, by the very steps of the code: the number remembers
// what it was made of (Origin), and becomes a size of its own that a node gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/expr.h"
#include "torchscript/call.h"

namespace onnxport::torchscript {

class Evaluator;

// A float that follows from sizes: top / bottom as doubles compute it, with nothing lost before.
struct Ratio {
  Expr top;
  int64_t bottom = 1;
};

// How a number that differs between samples was made.
struct Origin {
  std::string op;
  std::vector<Ref> operands;
  std::optional<Ratio> ratio;  // of a float, where there is one
};

class Provenance {
 public:
  explicit Provenance(Evaluator& evaluator) : e_(evaluator) {}

  // What is known of a number that an operator on numbers made: a formula if there is one, and what
  // it was made of.
  void record_origin(Call& call, const Ref& out);
  // The number, computed in the file: a tensor without dimensions. Python's floats are doubles.
  Ref recompute(Call& call, const Ref& number);
  // An int that differs from sample to sample and has no formula: a size of its own, that the file
  // computes. Its values in the samples are the true ones, so the code is followed as for any size.
  void name_size(Call& call, const Ref& number);

 private:
  std::optional<Ratio> ratio_of(const Ref& number);

  Evaluator& e_;
};

}  // namespace onnxport::torchscript
