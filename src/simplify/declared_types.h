// What a file states of its values' types, apart from what inference finds. Simplifying must not
// make a file say more than it did (that would make it larger), nor believe what is not so.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "onnx/graph.h"

namespace onnxport::simplify {

class DeclaredTypes {
 public:
  // As the model is before inference.
  explicit DeclaredTypes(const onnx::Model& model);

  // Infers. Where a declared size contradicts what follows from the inputs (exporters leave sizes
  // of their example in files with dynamic inputs), none of the sizes declared between inputs and
  // outputs is believed, and all are inferred anew. `problems` as in onnx::infer.
  Status infer(onnx::Model& model, std::vector<Error>* problems);

  // Inputs and outputs say what they said. A value between says what is known of it now if that
  // takes no more room, and nothing if it said nothing, or is new; except in a file that states
  // every type, where new values state theirs too. It says no size if onnx's checker would
  // contradict.
  void restore(onnx::Model& model) const;

 private:
  struct Type {
    DType dtype;
    std::optional<Shape> shape;
    std::string type_proto;
  };
  using Types = std::unordered_map<std::string, Type>;
  bool contradicted(onnx::Model& model);
  std::unordered_map<const onnx::Graph*, Types> graphs_;
  bool complete_ = true;          // every value between has a type
  bool checker_differs_ = false;  // what runs has other sizes than what the checker finds
};

}  // namespace onnxport::simplify
